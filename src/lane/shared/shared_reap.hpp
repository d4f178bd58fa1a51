// What a turn's log says of it, for whoever goes on with it or ends it.
#pragma once

#include "oa_stream/encode/ui_encoder.hpp"

#include "shared_lane.hpp"

#include <string_view>

namespace oa_stream::lane {

[[nodiscard]] encode::UiEncoderOptions
encoder_options(const store::TakeRequest& take, const TurnHead& head);
[[nodiscard]] std::string_view turn_route(const TurnHead& head);

} // namespace oa_stream::lane
