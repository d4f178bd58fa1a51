// The routes of one chat stream: start a turn, resume it, stop it, decide its approvals.
#pragma once

#include "turn_starter.hpp"

#include <memory>
#include <optional>

namespace oa_stream::lane {

class Streams {
public:
    Streams(LaneState& lane, Answers& answers)
        : lane_(&lane), answers_(&answers), starter_(lane, answers) {}

    /// A route's answer: `whole`, or a turn as a stream.
    struct Reply {
        net::Response whole{};
        std::shared_ptr<LiveTurn> turn{};
        bool first = false; ///< the call started it
        /// The segment to send; without it, all of them as one
        std::optional<std::size_t> segment{};
    };
    using Handler = Task<Accepted<Reply>> (Streams::*)(CallPtr);

    /// Sends the answer that the route's handler returns.
    [[nodiscard]] Task<void> serve(CallPtr call, Handler handler);

    [[nodiscard]] Task<Accepted<Reply>> chat(CallPtr call);
    [[nodiscard]] Task<Accepted<Reply>> resume(CallPtr call);
    [[nodiscard]] Task<Accepted<Reply>> stop(CallPtr call);
    [[nodiscard]] TurnStarter& starter() noexcept { return starter_; }

private:
    [[nodiscard]] Task<Accepted<void>> accept(CallPtr call);
    [[nodiscard]] Task<Accepted<Reply>> start(CallPtr call);
    [[nodiscard]] Task<SharedLane::Start>
    stop_start(CallPtr call, Clock::time_point until, std::string turn);
    [[nodiscard]] Task<Accepted<Reply>> answer_turn(CallPtr call);
    /// 429 when a reader that did not start the turn would be one too many.
    [[nodiscard]] Task<Accepted<void>> room_to_read(std::shared_ptr<LiveTurn> turn);

    LaneState* lane_;
    Answers* answers_;
    TurnStarter starter_;
};

} // namespace oa_stream::lane
