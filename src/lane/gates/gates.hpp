// The checks that a request has to pass, one gate after the other. A route lists its gates in
// order; for stream routes this order is part of the contract.
#pragma once

#include "call.hpp"
#include "rejection.hpp"
#include "state.hpp"

#include <span>

namespace oa_stream::lane {

/// A gate may store what it finds out in the call.
using Gate = Accepted<void> (*)(const LaneState& lane, Call& call);

/// Returns the first refusal.
[[nodiscard]] Accepted<void>
pass_gates(const LaneState& lane, Call& call, std::span<const Gate> gates);

/// Passes the gates that need only the request's head, then reads the body: no byte of it is stored
/// before. 408, 413, 400 and 503 are errors of the body; 499: the client left. `sieve`: leaves out
/// parts of a large body; may be null.
[[nodiscard]] Task<Accepted<void>> admit(
    const LaneState& lane,
    CallPtr call,
    std::span<const Gate> head_gates,
    std::unique_ptr<net::BodySieve> sieve = nullptr
);

[[nodiscard]] Accepted<void> body_size(const LaneState& lane, Call& call); ///< 413
[[nodiscard]] Accepted<void> resend_size(const LaneState& lane, Call& call); ///< 413
[[nodiscard]] Accepted<void> compatibility(const LaneState& lane, Call& call); ///< 426
[[nodiscard]] Accepted<void> owner(const LaneState& lane, Call& call); ///< 400, 401
[[nodiscard]] Accepted<void> content_type(const LaneState& lane, Call& call); ///< 415
/// For routes whose body is optional: 415 for a body, or a type, that is not JSON.
[[nodiscard]] Accepted<void> optional_type(const LaneState& lane, Call& call);
[[nodiscard]] Accepted<void> known_thread(const LaneState& lane, Call& call); ///< 404
/// 503: the lane drains or is switched off.
[[nodiscard]] Accepted<void> open_for_turns(const LaneState& lane, Call& call);

} // namespace oa_stream::lane
