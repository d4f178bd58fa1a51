// The same report for a browser: one file, no network, no script; light and dark, phone and desk.
#pragma once

#include "oa_stream/report/report.hpp"

#include <string>

namespace oa_stream::report {

/// report.html. Charts are inline SVG whose numbers stand in a table beside them, too.
[[nodiscard]] std::string report_html(const Report& report);

} // namespace oa_stream::report
