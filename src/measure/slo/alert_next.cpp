// The command that an alert gives to the person that it wakes.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"

#include "alert_advice.hpp"

#include <fmt/format.h>

namespace oa_stream::measure::alerts {

std::string next_of(Next next, bool routed, const AlertOptions& options) {
    const std::string route = routed ? fmt::format(" --route '{}'", k_its_route) : "";
    const std::string here = fmt::format("{} {{{{ $externalURL }}}}", names::prometheus);
    const std::string match =
        options.matchers.empty() ? "" : " --match " + shell_word(options.matchers);
    switch (next) {
    case Next::watch:
        return fmt::format("oa-stream watch {}{} --once", here, match);
    case Next::gate:
        return fmt::format(
            "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' {}{}{}", here, match, route
        );
    case Next::first:
        return fmt::format(
            "oa-stream slo gate 'p95: first_content <= {}s' {}{}{}",
            options.first_content,
            here,
            match,
            route
        );
    case Next::budget:
        return fmt::format("oa-stream slo status {}{}", here, match);
    case Next::status:
        return "oa-stream cutover status";
    case Next::runs:
        break;
    }
    return "oa-stream runs list";
}

} // namespace oa_stream::measure::alerts
