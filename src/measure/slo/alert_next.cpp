// The command that an alert gives to the person that it wakes.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"

#include "alert_advice.hpp"

#include <fmt/format.h>

namespace oa_stream::measure::alerts {

namespace {

/// What the rules were made with, where `slo status` would take something else.
std::string budget_flags(const AlertOptions& options) {
    const AlertOptions usual;
    std::string out;
    if (options.objective != usual.objective) {
        out += fmt::format(" {} {:.9g}%", names::objective, 100 * options.objective.value());
    }
    if (options.least_bad != usual.least_bad) {
        out += fmt::format(" --min-bad {}", options.least_bad);
    }
    if (options.least_total != usual.least_total) {
        out += fmt::format(" --min-total {}", options.least_total);
    }
    return out;
}

} // namespace

std::string next_of(Next next, bool routed, const AlertOptions& options) {
    const std::string route = routed ? fmt::format(" --route '{}'", k_its_route) : "";
    std::string here = fmt::format("{} {{{{ $externalURL }}}}", names::prometheus);
    here += options.matchers.empty()
                ? ""
                : fmt::format(" {} ", names::match) + shell_word(options.matchers);
    here += options.include_probes ? " --include-probes" : "";
    switch (next) {
    case Next::watch:
        return fmt::format("oa-stream watch {} --once", here);
    case Next::gate:
        return fmt::format(
            "oa-stream slo gate 'bad: {} <= 1%' {}{}",
            telemetry::bad_text(telemetry::default_bad()),
            here,
            route
        );
    case Next::first:
        return fmt::format(
            "oa-stream slo gate 'p95: first_content <= {}s' {}{}",
            options.first_content,
            here,
            route
        );
    case Next::budget:
        return fmt::format("oa-stream slo status {}{}", here, budget_flags(options));
    case Next::status:
        return "oa-stream cutover status";
    case Next::runs:
        break;
    }
    return "oa-stream runs list";
}

} // namespace oa_stream::measure::alerts
