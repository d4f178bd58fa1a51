// The approvals of one live turn: which are waiting, how the others were decided, and whether only
// the client can continue the turn.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/turn/event.hpp"

#include "gates/rejection.hpp"
#include "turn_calls.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// A client's decision on one approval.
struct ApprovalAnswer {
    std::string id;
    bool approved = false;
    friend bool operator==(const ApprovalAnswer&, const ApprovalAnswer&) = default;
};

class TurnApprovals {
public:
    struct Approval {
        enum class State {
            waiting,
            answered, ///< by the client, see `approved`
            expired, ///< declined because no answer arrived in time
            over, ///< settled without the client, or its turn ended
            /// Asked by another replica and not again by this one so far; may be decided already
            asked_before,
        };
        std::string id;
        std::string call;
        Clock::time_point asked{};
        State state = State::waiting;
        bool approved = false;
        std::size_t segment = 0; ///< answered: the segment with the outcome
    };

    /// Restores the state of a turn that another replica began from a chunk that it sent.
    /// `segment`: the index behind the segment of that chunk.
    void recall(const wire::ui::Chunk& chunk, std::size_t segment);
    /// At least one of these approvals was asked by another replica only, and no segment up to this
    /// one contains its outcome.
    [[nodiscard]] bool
    unsure(const std::vector<ApprovalAnswer>& answers, std::size_t segment) const;
    /// To be called for each event of the authority, in order.
    void watch(const turn::Event& event, Clock::time_point now);

    [[nodiscard]] bool waiting() const noexcept; ///< at least one is
    /// Like waiting(). For a relayed turn, which has no events here, approvals seen in its frames
    /// count too.
    [[nodiscard]] bool asks(bool relayed) const noexcept;
    /// Only the client can continue: no part is open, and every running call waits for a decision
    /// or, in `calls`, for a result.
    [[nodiscard]] bool stuck(const TurnCalls& calls) const noexcept;
    /// A decision or result is missing and no part is open, but other calls may still run. Codex
    /// may report the ends of allowed calls only once nothing else waits, and a command in the
    /// background has no end: after a silence the lane has to pause the answer anyway.
    [[nodiscard]] bool held_up(const TurnCalls& calls) const noexcept;
    /// Running calls of the authority that no approval was asked for.
    [[nodiscard]] std::vector<std::string> unasked(const TurnCalls& calls) const;
    /// The answer with the question has ended: the client can decide from now on, and the time
    /// limit starts.
    void begin_wait(Clock::time_point now);
    /// The approvals that have waited for `limit` or longer; they count as expired from now on.
    [[nodiscard]] std::vector<std::string> expire(Clock::time_point now, Millis limit);

    struct Verdict {
        std::vector<ApprovalAnswer> fresh{}; ///< to be passed to the authority
        /// Set when none is fresh: the segment with their outcome
        std::optional<std::size_t> segment{};
    };
    /// 422 when an approval is unknown or was settled otherwise.
    [[nodiscard]] Accepted<Verdict> judge(const std::vector<ApprovalAnswer>& answers) const;
    void note_answer(const ApprovalAnswer& answer, std::size_t segment);

private:
    [[nodiscard]] Approval* find(std::string_view id);
    void recall_end(std::string_view call, bool approved, std::size_t segment);

    std::vector<Approval> approvals_; ///< of the whole turn
    std::set<std::string, std::less<>> running_; ///< ids of running calls
    std::size_t open_parts_ = 0;
};

} // namespace oa_stream::lane
