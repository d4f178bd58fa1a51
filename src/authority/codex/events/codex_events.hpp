// Codex app-server notifications of one turn → turn events. Pure: no I/O. Used live by the codex
// authority, and on recorded captures by the replay authority. docs/mapping.md has the rules.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

class CodexTranslator {
public:
    /// Follows the first turn/started of `thread`, or `turn` when it is known. `usage_baseline`:
    /// the thread's total usage before the turn (zeros for a new thread); a tokenUsage of an
    /// earlier turn that arrives before this turn's own replaces it (resume). `cwd`: the thread's
    /// folder. Paths under it are made relative, so that tool parts do not show this machine's
    /// layout.
    explicit CodexTranslator(
        std::string thread,
        std::string turn = {},
        turn::Usage usage_baseline = {},
        std::string cwd = {}
    );
    CodexTranslator(const CodexTranslator&) = delete;
    CodexTranslator& operator=(const CodexTranslator&) = delete;
    ~CodexTranslator();
    CodexTranslator(CodexTranslator&&) noexcept;
    CodexTranslator& operator=(CodexTranslator&&) noexcept;

    /// `message` is one server notification {"method","params"}. Appends its events. Ignores
    /// notifications of other threads and turns, and everything after turn/completed. The output
    /// follows the authority's order and may still need encode::Normaliser: items that Codex leaves
    /// open stay open here.
    void notification(const Json& message, std::vector<turn::Event>& out);

    /// Notifications were missed until now; the history has the complete items.
    void tear() noexcept;
    /// Usage was missed as well: sends no usage before the next usage report.
    void lose_count() noexcept;

    [[nodiscard]] bool ended() const noexcept;
    /// The thread's last reported total usage (the next turn's baseline).
    [[nodiscard]] const turn::Usage& total_usage() const noexcept;
    /// Number of completed items whose text does not begin with the text of the deltas (the deltas
    /// win).
    [[nodiscard]] std::uint64_t text_mismatches() const noexcept;
    /// How many items of this type and id have started, and how many of those have completed.
    struct Seen {
        std::size_t begun = 0;
        std::size_t done = 0;
    };
    [[nodiscard]] Seen seen(std::string_view type, std::string_view id) const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One stored item (thread/turns/list, thread/read) → the events of a complete part or tool; empty
/// for items without meaning for a client. `occurrence`: 1 for the first item of this type and id
/// in its turn, 2 for the next (tool calls of all types count together). Tool calls get the same
/// id, name, input and output as when streamed.
[[nodiscard]] std::vector<turn::Event>
events_of_item(const Json& item, int occurrence, std::string_view cwd = {});

/// The meaning of a Codex TurnError (member "error" of turn/completed).
struct CodexFailure {
    turn::Failure failure;
    turn::Finish finish = turn::Finish::error;
    bool truncated = false; ///< max_output_tokens: a completed turn with finish length
    bool filtered = false; ///< content_filter: a completed turn with finish content-filter
    std::string kind{}; ///< the codexErrorInfo's name, "contextWindowExceeded"; "other" if none
    std::optional<int> http_status{}; ///< the provider's, where Codex reports one
};
[[nodiscard]] CodexFailure classify_codex_error(const Json& error);
/// Seconds from now, by this machine's clock, until turn::Failure::again_at has passed; at least 1.
/// Unset: not a valid time, or past.
[[nodiscard]] std::optional<std::int64_t>
seconds_until(const std::string& again_at, std::int64_t now);

/// The table behind classify_codex_error(): all the Codex error texts that the project recognises.
struct CodexErrorRow {
    enum class Match {
        kind, ///< `word` is the codexErrorInfo's name; a known provider status decides `retryable`
        text, ///< `word` occurs in the message, which decides only where the kind is "other"
        ending, ///< `word` occurs in the message whatever the kind: no failure, `finish` is the end
    } match;
    std::string_view word;
    bool retryable;
    /// A provider's status 429 is always rate_limited.
    turn::FailureCause cause = turn::FailureCause::other;
    turn::Finish finish = turn::Finish::error;
};
[[nodiscard]] std::span<const CodexErrorRow> codex_error_rows() noexcept;

} // namespace oa_stream::authority
