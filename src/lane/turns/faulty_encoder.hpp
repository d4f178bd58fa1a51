// For drills only: an encoder whose frames come out broken.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/encode/turn_encoder.hpp"

#include <memory>

namespace oa_stream::lane {

/// `inner` itself without faults, which outlive the result.
[[nodiscard]] std::unique_ptr<encode::TurnEncoder>
with_faults(std::unique_ptr<encode::TurnEncoder> inner, authority::WireFaults* faults);

} // namespace oa_stream::lane
