// The same report for a browser: one file, no network, no script; light and dark, phone and desk.
#pragma once

#include "oa_stream/evidence/report.hpp"
#include "oa_stream/evidence/run_folder.hpp"

#include <string>

namespace oa_stream::evidence {

/// report.html. Charts are inline SVG whose numbers stand in a table beside them, too.
[[nodiscard]] std::string report_html(const Report& report);

/// report.md and report.html; `more` is put behind the first (Markdown).
void write_reports(RunFolder& folder, const Report& report, std::string_view more = {});

} // namespace oa_stream::evidence
