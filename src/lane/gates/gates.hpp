// What a request must pass, one gate after the other. A route names its gates in their order; the
// order of those of a stream is contract.
#pragma once

#include "call.hpp"
#include "rejection.hpp"
#include "state.hpp"

#include <span>

namespace oa_stream::lane {

/// A gate may fill in what it has learned of the call.
using Gate = Accepted<void> (*)(const LaneState& lane, Call& call);

/// The first refusal.
[[nodiscard]] Accepted<void>
pass_gates(const LaneState& lane, Call& call, std::span<const Gate> gates);

/// The gates that a request's head decides, then its body: nothing of the body is kept before they
/// have passed. 408, 413, 400 and 503 are of the body; 499: the client left.
/// `sieve`: what keeps of the body less than all; may be null.
[[nodiscard]] Task<Accepted<void>> admit(
    const LaneState& lane,
    CallPtr call,
    std::span<const Gate> head_gates,
    std::unique_ptr<net::BodySieve> sieve = nullptr
);

[[nodiscard]] Accepted<void> body_size(const LaneState& lane, Call& call);      ///< 413
[[nodiscard]] Accepted<void> resend_size(const LaneState& lane, Call& call);    ///< 413
[[nodiscard]] Accepted<void> compatibility(const LaneState& lane, Call& call);  ///< 426
[[nodiscard]] Accepted<void> owner(const LaneState& lane, Call& call);          ///< 400, 401
[[nodiscard]] Accepted<void> content_type(const LaneState& lane, Call& call);   ///< 415
/// The same where a body may be left out: 415 for a body, or a type, that is not JSON.
[[nodiscard]] Accepted<void> optional_type(const LaneState& lane, Call& call);
[[nodiscard]] Accepted<void> known_thread(const LaneState& lane, Call& call); ///< 404
/// 503: the lane drains, or is switched off.
[[nodiscard]] Accepted<void> open_for_turns(const LaneState& lane, Call& call);

} // namespace oa_stream::lane
