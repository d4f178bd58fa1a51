// What a turn's log says of it, for whoever goes on with it or ends it.
#pragma once

#include "oa_stream/encode/ui_encoder.hpp"

#include "shared_lane.hpp"

namespace oa_stream::lane {

[[nodiscard]] encode::UiEncoderOptions
encoder_options(const store::TakeRequest& take, const TurnHead& head);
/// Of a turn that was taken from another replica.
[[nodiscard]] TurnIdentity identity_of(const store::TakeRequest& take, const TurnHead& head);

} // namespace oa_stream::lane
