// Codex app-server notifications of one turn → turn events. Pure: no I/O. Used live by the codex
// authority and, over recorded captures, by the replay authority.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::authority {

class CodexTranslator {
public:
    /// Follows the first turn/started of `thread` (or `turn` when it is known already).
    /// `usage_baseline`: the thread's total usage before the turn (zeros for a new thread).
    explicit CodexTranslator(std::string thread, std::string turn = {}, turn::Usage usage_baseline = {});
    ~CodexTranslator();
    CodexTranslator(CodexTranslator&&) noexcept;
    CodexTranslator& operator=(CodexTranslator&&) noexcept;

    /// `message` is one server notification {"method","params"}. Appends what it means; other
    /// threads' and turns' notifications, and everything after turn/completed, mean nothing.
    /// The output follows the authority's order and may still need encode::Normaliser.
    void notification(const Json& message, std::vector<turn::Event>& out);

    [[nodiscard]] const std::string& turn_id() const noexcept; ///< empty until turn/started
    [[nodiscard]] bool ended() const noexcept;
    /// The thread's total usage as last told (the next turn's baseline).
    [[nodiscard]] const turn::Usage& total_usage() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One stored item (thread/turns/list, thread/read) → the events of a whole part or tool; empty for
/// items that mean nothing to a client.
[[nodiscard]] std::vector<turn::Event> events_of_item(const Json& item, int occurrence);

/// What a TurnError of Codex (member "error" of turn/completed) means.
struct CodexFailure {
    turn::Failure failure;
    turn::Finish finish = turn::Finish::error;
    bool truncated = false; ///< max_output_tokens: a completed turn with finish length
    bool filtered = false;  ///< content_filter
};
[[nodiscard]] CodexFailure classify_codex_error(const Json& error);

} // namespace oa_stream::authority
