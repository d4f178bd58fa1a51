// A run's report as files of its folder.
#pragma once

#include "oa_stream/report/report.hpp"
#include "oa_stream/run/run_folder.hpp"

#include <string_view>

namespace oa_stream::run {

/// report.md and report.html; `more` is put behind the first (Markdown).
void write_reports(RunFolder& folder, const report::Report& report, std::string_view more = {});

} // namespace oa_stream::run
