// Prints and opens the HTML report of a command's run.
#pragma once

#include "command.hpp"

namespace oa_stream::cli {

/// Prints "report: file:///…" on a terminal, when Context::evidence has a report.
void tell_report(const Context& context);
/// Starts xdg-open and does not wait. A failure is printed and does not change the exit code.
void open_report(const Context& context);

} // namespace oa_stream::cli
