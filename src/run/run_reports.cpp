#include "oa_stream/run/run_reports.hpp"

#include "oa_stream/report/report_html.hpp"

#include <string>

namespace oa_stream::run {

void write_reports(RunFolder& folder, const report::Report& report, std::string_view more) {
    folder.write("report.md", report::report_markdown(report) + std::string(more));
    folder.write("report.html", report::report_html(report));
}

} // namespace oa_stream::run
