// For drills only: an encoder that damages its frames.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/encode/turn_encoder.hpp"

#include <memory>

namespace oa_stream::lane {

/// Returns `inner` unchanged when `faults` is null. `faults` must outlive the result.
[[nodiscard]] std::unique_ptr<encode::TurnEncoder>
with_faults(std::unique_ptr<encode::TurnEncoder> inner, authority::WireFaults* faults);

} // namespace oa_stream::lane
