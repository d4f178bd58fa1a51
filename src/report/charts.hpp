// Charts of a run as inline SVG. Private to the room. Empty where there is nothing to draw.
#pragma once

#include "oa_stream/report/report.hpp"

#include <string>

namespace oa_stream::report {

/// p95 of the first content with its interval, both arms, a row a stage.
[[nodiscard]] std::string latency_chart(const Report& report);

/// The canary's share over the time of the run, as it was held stage by stage.
[[nodiscard]] std::string split_chart(const Report& report);

/// Each deciding gate: the interval that was measured against its limit (the dashed line).
[[nodiscard]] std::string gate_chart(const Report& report);

/// What is left of each error budget that was judged.
[[nodiscard]] std::string budget_chart(const Report& report);

} // namespace oa_stream::report
