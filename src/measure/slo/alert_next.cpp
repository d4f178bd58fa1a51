// The command that an alert gives to the operator it wakes.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/measure/budget.hpp"

#include "alert_advice.hpp"

#include <fmt/format.h>

#include <initializer_list>

namespace oa_stream::measure::alerts {
namespace {

void add(Suggestion& out, std::initializer_list<std::string> words) {
    out.arguments.insert(out.arguments.end(), words);
}

/// Adds the rules' options that differ from the defaults of `slo status`.
void add_budget(Suggestion& out, const AlertOptions& options) {
    const BudgetQuestion usual;
    if (options.objective != usual.objective) {
        add(out, {names::objective, fmt::format("{:.9g}%", 100 * options.objective.value())});
    }
    if (options.least_bad != usual.least_bad) {
        add(out, {names::min_bad, std::to_string(options.least_bad)});
    }
    if (options.least_total != usual.least_total) {
        add(out, {names::min_total, std::to_string(options.least_total)});
    }
}

/// The command without the Prometheus address and the options after it.
Suggestion start_of(Next next, const AlertOptions& options) {
    switch (next) {
    case Next::watch:
        return Suggestion{"watch"};
    case Next::gate:
        return Suggestion{
            "slo gate",
            {fmt::format("bad: {} <= 1%", telemetry::bad_text(telemetry::default_bad()))}
        };
    case Next::first:
        return Suggestion{
            "slo gate", {fmt::format("p95: first_content <= {}s", options.first_content)}
        };
    case Next::budget:
        return Suggestion{"slo status"};
    case Next::status:
        return Suggestion{"cutover status"};
    case Next::runs:
        break;
    }
    return Suggestion{"runs list"};
}

} // namespace

std::string next_of(Next next, bool routed, const AlertOptions& options) {
    Suggestion out = start_of(next, options);
    if (next == Next::status || next == Next::runs) {
        return out.text();
    }
    add(out, {names::prometheus, "{{ $externalURL }}"});
    if (!options.matchers.empty()) {
        add(out, {names::match, options.matchers});
    }
    if (options.include_probes) {
        add(out, {names::include_probes});
    }
    if (next == Next::watch) {
        add(out, {names::once});
    } else if (next == Next::budget) {
        add_budget(out, options);
    } else if (routed) {
        add(out, {names::route, std::string(k_its_route)});
    }
    return out.text();
}

} // namespace oa_stream::measure::alerts
