// The calls of the page's own functions in one live turn: which wait for a result, and what the
// others were answered.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "gates/rejection.hpp"
#include "tools/call_results.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::lane {

class TurnCalls {
public:
    /// Results that the turn began with: of calls of another turn or another service.
    void begin_with(std::vector<ResultDigest> results) { began_with_ = std::move(results); }
    /// To be called for each event that is encoded, in order. `segment`: where it is told.
    void watch(const turn::Event& event, Clock::time_point now, std::size_t segment);

    /// Of a turn that another replica began: a chunk that it sent, and the segment it stands in.
    /// `asked` unset: the events tell which of its calls still wait.
    void recall(
        const wire::ui::Chunk& chunk, std::size_t segment, std::optional<Clock::time_point> asked
    );
    /// Nobody told so far what became of all these calls.
    [[nodiscard]] bool unsure(const std::vector<authority::CallResult>& results) const;

    [[nodiscard]] bool waiting() const noexcept; ///< at least one
    [[nodiscard]] bool knows(std::string_view call) const noexcept; ///< one of the page's
    [[nodiscard]] bool waits_for(std::string_view call) const noexcept;
    [[nodiscard]] std::vector<turn::ClientCall> open() const; ///< those that wait
    [[nodiscard]] std::vector<std::string> order() const; ///< all ids, as the stream has them
    /// One has waited since before `limit` ago.
    [[nodiscard]] bool overdue(Clock::time_point now, Millis limit) const noexcept;

    struct Verdict {
        std::vector<authority::CallResult> fresh{}; ///< to be told to the authority
        std::optional<std::size_t> segment{}; ///< none is fresh: where their outcome is told
    };
    /// Refused when one is over or was answered otherwise, or all are unknown: the page's message
    /// may have begun with calls of a turn before this one.
    [[nodiscard]] Accepted<Verdict> judge(const std::vector<authority::CallResult>& results) const;
    void note_answer(const authority::CallResult& result, std::size_t segment);

private:
    struct Entry {
        turn::ClientCall call;
        std::optional<Clock::time_point> asked{}; ///< unset: the page is not asked yet
        std::optional<authority::CallResult> result{};
        std::size_t segment = 0; ///< answered: the segment that tells what came of it
        bool over = false; ///< the turn ended without it
        bool maybe_over = false; ///< a frame says that it failed: by its result, or by that
    };
    [[nodiscard]] static bool waits(const Entry& entry) noexcept {
        return entry.asked && !entry.result && !entry.over;
    }
    [[nodiscard]] Entry* find(std::string_view call) noexcept;
    void settle(authority::CallResult result, std::size_t segment);
    void recall_end(authority::CallResult result, std::size_t segment);

    std::vector<Entry> entries_; ///< of the whole turn
    std::vector<ResultDigest> began_with_{};
};

} // namespace oa_stream::lane
