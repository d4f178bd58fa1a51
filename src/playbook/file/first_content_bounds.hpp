// Private to the room.
#pragma once

#include "oa_stream/telemetry/metrics.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::playbook {

/// Of the lane's histogram of first contents: a limit between two of them is never decided.
[[nodiscard]] inline bool is_first_content_bound(double seconds) {
    return std::ranges::any_of(telemetry::k_first_content_bounds, [&](double bound) {
        return std::abs(bound - seconds) < 1e-9;
    });
}

} // namespace oa_stream::playbook
