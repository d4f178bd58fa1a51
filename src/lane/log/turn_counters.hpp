// Counters by route that count each turn at most once. To add one, add a row in turn_counters.cpp
// and one in telemetry::k_metrics: then it is exposed, documented and, with a caption, watched.
#pragma once

#include "oa_stream/lane/records.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <span>

namespace oa_stream::lane {

struct TurnCounter {
    const telemetry::Metric* metric;
    bool (*of_turn)(const TurnOutcome&) = nullptr; ///< called when a turn has ended
    bool (*of_request)(const RequestRecord&) = nullptr; ///< called when a request is done
};
[[nodiscard]] std::span<const TurnCounter> turn_counters() noexcept;

} // namespace oa_stream::lane
