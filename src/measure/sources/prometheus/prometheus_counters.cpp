#include "prometheus_counters.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "promql.hpp"

#include <fmt/format.h>

namespace oa_stream::measure::prometheus {
namespace {

using telemetry::Metric;

std::string of_target(std::string_view labels) {
    return joined("job,instance", labels);
}

/// The counter, by a lane's labels without that of probes.
Counter counter_of(const Metric& row) {
    const std::size_t probe = row.labels.rfind(',');
    const bool split = row.labels.ends_with(telemetry::k_probe_label);
    return {std::string(row.name), of_target(split ? row.labels.substr(0, probe) : row.labels)};
}

} // namespace

std::vector<Counter> counters() {
    std::vector<Counter> out;
    for (const Metric& row : telemetry::k_metrics) {
        if (row.kind == telemetry::Kind::counter) {
            out.push_back(counter_of(row));
        }
    }
    const std::string_view times = telemetry::metric("first_content_seconds").name;
    out.push_back({fmt::format("{}_bucket", times), of_target("route,le")});
    return out;
}

std::vector<Counter> counters_of_turns() {
    std::vector<const Metric*> rows{telemetry::requests_term().metric};
    for (const auto& term : telemetry::bad_terms(telemetry::default_bad())) {
        add_once(rows, term.metric);
    }
    return mapped(rows, [](const Metric* row) { return counter_of(*row); });
}

} // namespace oa_stream::measure::prometheus
