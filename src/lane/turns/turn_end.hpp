// The end of a turn when the authority does not report one.
#pragma once

#include "oa_stream/lane/records.hpp"
#include "oa_stream/turn/event.hpp"

#include <string>
#include <utility>

namespace oa_stream::lane {

inline turn::TurnEnded failed(
    turn::Outcome outcome, turn::FailureCode code, std::string detail, turn::FailureCause cause = {}
) {
    return {
        outcome, turn::Finish::error, turn::failure_of(code, std::move(detail), cause), std::nullopt
    };
}

/// Why the lane ended the turn, where the failure's code does not show it.
[[nodiscard]] constexpr turn::FailureCause cause_of(StopReason reason) noexcept {
    return reason == StopReason::wall_time ? turn::FailureCause::out_of_time
           : reason == StopReason::drain   ? turn::FailureCause::drained
                                           : turn::FailureCause::other;
}

/// The end that the lane gives a turn when the authority reports none.
[[nodiscard]] inline turn::TurnEnded end_for(StopReason reason) {
    using turn::FailureCode;
    using turn::Outcome;
    switch (reason) {
    case StopReason::wall_time:
        return failed(
            Outcome::aborted, FailureCode::turn_aborted, "the turn's time is over", cause_of(reason)
        );
    case StopReason::drain:
        return failed(
            Outcome::aborted, FailureCode::turn_aborted, "the lane shuts down", cause_of(reason)
        );
    case StopReason::overloaded:
        return failed(Outcome::aborted, FailureCode::overloaded, "all logs together are full");
    case StopReason::first_event:
        return failed(Outcome::failed, FailureCode::authority_timeout, "no first event in time");
    case StopReason::stalled:
        return failed(Outcome::failed, FailureCode::stalled, "no event for too long");
    case StopReason::store_away:
        return failed(Outcome::aborted, FailureCode::turn_aborted, "the store took no more of it");
    case StopReason::store_full:
        return failed(Outcome::aborted, FailureCode::overloaded, "the store has no memory left");
    case StopReason::stop_text:
        return {Outcome::completed, turn::Finish::stop, std::nullopt, std::nullopt};
    case StopReason::none:
    case StopReason::stopped:
    case StopReason::superseded:
    case StopReason::client_gone:
        break;
    }
    return {Outcome::interrupted, turn::Finish::other, std::nullopt, std::nullopt};
}

} // namespace oa_stream::lane
