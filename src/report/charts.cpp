#include "charts.hpp"

#include "plot.hpp"
#include "run_series.hpp"

#include <fmt/format.h>

#include <cmath>

namespace oa_stream::report {
namespace {

void add_latency(
    std::vector<Bar>& out,
    const StageRow& row,
    std::string_view arm,
    const std::vector<measure::Sample>& samples
) {
    if (samples.empty()) {
        return;
    }
    Bar bar;
    bar.label = fmt::format("{} {}", row.name, arm);
    bar.tone = arm == "canary" ? SeriesTone::canary : SeriesTone::stable;
    if (const auto latency = measure::latency_of(samples)) {
        bar.value = latency->p95;
        bar.low = latency->p95_low.value_or(0);
        bar.high = latency->p95_high.value_or(latency->p95);
        bar.open = !latency->p95_high || !std::isfinite(bar.high);
        bar.text = measure::seconds_text(latency->p95, -1);
    } else {
        bar.none = true;
        bar.text = "no content";
    }
    out.push_back(std::move(bar));
}

std::string all_of(const std::vector<Series>& list) {
    std::string out;
    for (const Series& series : list) {
        out += plot(series);
    }
    return out;
}

} // namespace

std::string latency_chart(const Report& report) {
    std::vector<Bar> rows;
    for (const StageRow& row : report.stages) {
        add_latency(rows, row, "stable", row.stable);
        add_latency(rows, row, "canary", row.canary);
    }
    constexpr double k_brief_s = 1; // as the text beside each bar
    return times_chart(
        "p95 of the time to the first content by stage, with 95 % intervals", k_brief_s, rows
    );
}

std::string gate_chart(const Report& report) {
    std::vector<Bar> rows;
    for (const StageRow& stage : report.stages) {
        for (const measure::GateRecord& gate : stage.gates) {
            const bool share = gate.spec.metric == measure::Metric::bad_rate;
            if (!share || gate.spec.against != measure::Against::limit || !gate.value) {
                continue;
            }
            Bar bar;
            bar.label = fmt::format("{} {}", stage.name, gate.spec.id);
            bar.tone = SeriesTone::canary;
            bar.value = *gate.value;
            bar.low = gate.low.value_or(0);
            bar.high = gate.high.value_or(1);
            bar.limit = gate.spec.limit;
            bar.text = measure::percent_text(*gate.value, gate.spec.limit);
            rows.push_back(std::move(bar));
        }
    }
    return bar_chart("Bad requests at the canary against the gate's limit", "%", 100, rows);
}

std::string time_charts(const Report& report) {
    return all_of(run_series(report));
}

std::string further_charts(const Report& report) {
    const std::string charts = all_of(report.series);
    return charts.empty() ? ""
                          : "<h2>Over time</h2>\n<div class=\"charts\">\n" + charts + "</div>\n";
}

} // namespace oa_stream::report
