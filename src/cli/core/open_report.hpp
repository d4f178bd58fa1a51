// The HTML report of the run that a command left: where it is, and opening it.
#pragma once

#include "command.hpp"

namespace oa_stream::cli {

/// "report: file:///…" on a terminal, when Context::evidence has one.
void tell_report(const Context& context);
/// Hands it to xdg-open and does not wait. A failure is printed and does not change the exit code.
void open_report(const Context& context);

} // namespace oa_stream::cli
