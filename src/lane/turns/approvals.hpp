// The approvals of one live turn: which wait, who decided the others, and whether the turn has come
// to the point where only its client can go on.
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

/// What a client's request says of one approval.
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
            expired, ///< declined: nobody answered in time
            over, ///< settled without the client, or its turn ended
            asked_before, ///< by another replica, and not again so far: it may be decided
        };
        std::string id;
        std::string call;
        Clock::time_point asked{};
        State state = State::waiting;
        bool approved = false;
        std::size_t segment = 0; ///< answered: the segment that tells what came of it
    };

    /// Of a turn that another replica began: a chunk that it sent, and the segment behind the one
    /// it stands in.
    void recall(const wire::ui::Chunk& chunk, std::size_t segment);
    /// Nobody asked for all of these again so far, and what came of them is not told up to this
    /// segment.
    [[nodiscard]] bool
    unsure(const std::vector<ApprovalAnswer>& answers, std::size_t segment) const;
    /// To be called for each event of the authority, in order.
    void watch(const turn::Event& event, Clock::time_point now);

    [[nodiscard]] bool waiting() const noexcept; ///< at least one
    /// … or may: of a turn that another replica runs its frames alone tell.
    [[nodiscard]] bool asks(bool relayed) const noexcept;
    /// Nothing but the client is missing: no part is open, and every running call waits for a
    /// decision or, in `calls`, for a result.
    [[nodiscard]] bool stuck(const TurnCalls& calls) const noexcept;
    /// Something waits, no part is open, and other calls may run. Codex may tell the ends of calls
    /// that were allowed only once nothing else waits, and a command in the background has none:
    /// whoever hears nothing for a while has to ask for the rest.
    [[nodiscard]] bool held_up(const TurnCalls& calls) const noexcept;
    /// Running calls of the authority's that nobody was asked about.
    [[nodiscard]] std::vector<std::string> unasked(const TurnCalls& calls) const;
    /// The answer that asks has ended: from now on its client can decide.
    void begin_wait(Clock::time_point now);
    /// Those that waited since before `limit` ago; they count as expired from now on.
    [[nodiscard]] std::vector<std::string> expire(Clock::time_point now, Millis limit);

    struct Verdict {
        std::vector<ApprovalAnswer> fresh{}; ///< to be told to the authority
        std::optional<std::size_t> segment{}; ///< none is fresh: where their outcome is told
    };
    /// 422 when one is unknown or was settled otherwise.
    [[nodiscard]] Accepted<Verdict> judge(const std::vector<ApprovalAnswer>& answers) const;
    void note_answer(const ApprovalAnswer& answer, std::size_t segment);

private:
    [[nodiscard]] Approval* find(std::string_view id);
    void recall_end(std::string_view call, bool approved, std::size_t segment);

    std::vector<Approval> approvals_; ///< of the whole turn
    std::set<std::string, std::less<>> running_; ///< calls
    std::size_t open_parts_ = 0;
};

} // namespace oa_stream::lane
