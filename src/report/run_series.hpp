// The series of a run that went through stages. Private to the room.
#pragma once

#include "oa_stream/report/report.hpp"

#include <vector>

namespace oa_stream::report {

/// The canary's share, bad answers, p50 and p95 of the first content, by the time of the run.
[[nodiscard]] std::vector<Series> run_series(const Report& report);

} // namespace oa_stream::report
