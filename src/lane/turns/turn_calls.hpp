// The calls of the page's own functions in one live turn: which wait for a result, and the results
// of the others.
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
    /// Results that the turn began with; their calls belong to another turn or another service.
    void begin_with(std::vector<ResultDigest> results) { began_with_ = std::move(results); }
    /// Call it for each encoded event, in order. `segment`: the one that contains the event.
    void watch(const turn::Event& event, Clock::time_point now, std::size_t segment);

    /// Restores the state of a turn that another replica began from a chunk that it sent, in
    /// `segment`. `asked` unset: the authority's events will show which calls still wait.
    void recall(
        const wire::ui::Chunk& chunk, std::size_t segment, std::optional<Clock::time_point> asked
    );
    /// At least one of these calls was seen in another replica's frames, and no event has shown yet
    /// whether it waits or is over.
    [[nodiscard]] bool unsure(const std::vector<authority::CallResult>& results) const;

    [[nodiscard]] bool waiting() const noexcept; ///< at least one
    /// It is a call of the page's functions
    [[nodiscard]] bool knows(std::string_view call) const noexcept;
    [[nodiscard]] bool waits_for(std::string_view call) const noexcept;
    [[nodiscard]] std::vector<turn::ClientCall> open() const; ///< those that wait
    [[nodiscard]] std::vector<std::string> order() const; ///< all ids, in the order of the stream
    /// A call has waited for `limit` or longer.
    [[nodiscard]] bool overdue(Clock::time_point now, Millis limit) const noexcept;

    struct Verdict {
        std::vector<authority::CallResult> fresh{}; ///< to be passed to the authority
        /// Set when none is fresh: the segment with their outcome
        std::optional<std::size_t> segment{};
    };
    /// Refused when a call is over or was answered otherwise, or when all are unknown. Some may be
    /// unknown: the page's message may also contain calls of an earlier turn.
    [[nodiscard]] Accepted<Verdict> judge(const std::vector<authority::CallResult>& results) const;
    void note_answer(const authority::CallResult& result, std::size_t segment);

private:
    struct Entry {
        turn::ClientCall call;
        std::optional<Clock::time_point> asked{}; ///< unset: the page has not been asked yet
        std::optional<authority::CallResult> result{};
        std::size_t segment = 0; ///< answered: the segment with the outcome
        bool over = false; ///< the turn ended without it
        /// Its failure in a frame may be its result, or the end of the turn
        bool maybe_over = false;
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
