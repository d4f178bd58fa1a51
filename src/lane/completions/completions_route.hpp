// The /v1 routes. Each function takes the lane it works for; the lane outlives its requests.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include "completions_request.hpp"
#include "gates/call.hpp"

#include <memory>

namespace oa_stream::lane {

struct Lane::Native {
    struct Started {
        std::shared_ptr<LiveTurn> turn;
        const encode::CompletionsWhole* whole; ///< of the turn; null when it is streamed
    };

    [[nodiscard]] static Task<void> completions(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> models(Lane* lane, CallPtr call);

private:
    using Request = std::shared_ptr<const CompletionsRequest>;
    using Place = CompletionsGuard::Place;

    [[nodiscard]] static Accepted<Request> pass_gates(Lane& lane, Call& call);
    [[nodiscard]] static Accepted<void> check_open(const Lane& lane);
    [[nodiscard]] static Task<void>
    answer(Lane* lane, CallPtr call, Request request, Place place, net::Headers headers);
    [[nodiscard]] static Task<Accepted<Started>>
    begin(Lane* lane, CallPtr call, Request request, Place place);
    [[nodiscard]] static Task<Accepted<std::unique_ptr<authority::Turn>>>
    start(Lane* lane, CallPtr call, Request request);
    [[nodiscard]] static Task<void>
    stream(Lane* lane, CallPtr call, std::shared_ptr<LiveTurn> turn, net::Headers headers);
    [[nodiscard]] static Task<void>
    whole(Lane* lane, CallPtr call, Started started, net::Headers headers);
};

} // namespace oa_stream::lane
