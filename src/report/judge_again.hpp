// The commands that judge stored streams again, as every report lists them.
#pragma once

#include "oa_stream/report/report.hpp"

#include <string>

namespace oa_stream::report {

/// A line for each kind of stream that was kept; empty: none was.
[[nodiscard]] std::string judge_again(const KeptEvidence& kept);

} // namespace oa_stream::report
