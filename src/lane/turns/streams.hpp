// The routes of one chat stream: start a turn, go on reading it, stop it, answer its approvals.
#pragma once

#include "turn_starter.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace oa_stream::lane {

class Streams {
public:
    Streams(LaneState& lane, Answers& answers)
        : lane_(&lane), answers_(&answers), starter_(lane, answers) {}

    [[nodiscard]] Task<void> chat(CallPtr call);
    [[nodiscard]] Task<void> resume(CallPtr call);
    [[nodiscard]] Task<void> stop(CallPtr call);
    [[nodiscard]] TurnStarter& starter() noexcept { return starter_; }

private:
    [[nodiscard]] Task<Accepted<void>> accept(CallPtr call);
    [[nodiscard]] Task<void> start(CallPtr call);
    [[nodiscard]] Task<SharedLane::Start> stop_start(CallPtr call, Clock::time_point until);
    [[nodiscard]] Task<void>
    tell_stop(CallPtr call, std::shared_ptr<LiveTurn> turn, std::string_view status);
    [[nodiscard]] Task<void> answer_turn(CallPtr call);
    [[nodiscard]] Task<void> send(
        CallPtr call,
        std::shared_ptr<LiveTurn> turn,
        bool first,
        std::optional<std::size_t> segment = {}
    );

    LaneState* lane_;
    Answers* answers_;
    TurnStarter starter_;
};

} // namespace oa_stream::lane
