// Reads from a turn's log what is needed to continue or end the turn.
#pragma once

#include "oa_stream/encode/ui_encoder.hpp"

#include "shared_lane.hpp"

namespace oa_stream::lane {

[[nodiscard]] encode::UiEncoderOptions
encoder_options(const store::TakeRequest& take, const TurnHead& head);
/// The identity of a turn that was taken from another replica.
[[nodiscard]] TurnIdentity identity_of(const store::TakeRequest& take, const TurnHead& head);

} // namespace oa_stream::lane
