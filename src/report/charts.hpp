// Charts of a run. Private to the room. Empty where there is nothing to draw.
#pragma once

#include "oa_stream/report/report.hpp"

#include <string>

namespace oa_stream::report {

/// What happened over the time of the run: the canary's share with the events of a rollback, bad
/// answers with their intervals, and times to the first content.
[[nodiscard]] std::string time_charts(const Report& report);

/// p95 of the first content with its interval, both arms, a row a stage. Of many stages the last
/// and the slowest.
[[nodiscard]] std::string latency_chart(const Report& report);

/// Each deciding gate: the interval that was measured against its limit (the dashed line). Of many
/// what did not pass, and the widest of each gate.
[[nodiscard]] std::string gate_chart(const Report& report);

/// What checks measured: error budgets and, of a run without stages, gates, times and answers.
[[nodiscard]] std::string check_charts(const Report& report);

/// Those that the command gave.
[[nodiscard]] std::string further_charts(const Report& report);

} // namespace oa_stream::report
