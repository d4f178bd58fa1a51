#include "charts.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"

#include "plot.hpp"
#include "run_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace oa_stream::report {
namespace {

constexpr std::size_t k_most_bars = 12; ///< of a chart: with 20 stages all of them fill pages

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
        bar.text = seconds_text(latency->p95);
    } else {
        bar.none = true;
        bar.text = "no content";
    }
    out.push_back(std::move(bar));
}

double slowness_of(const StageRow& row) {
    constexpr double k_slowest = std::numeric_limits<double>::max();
    const auto p95 = measure::first_content_p95(row.canary);
    return row.canary.empty() ? 0 : std::min(p95.value_or(k_slowest), k_slowest);
}

/// Of too many the last ones, and the slowest of the others; each after its rank among them.
std::vector<std::pair<double, const StageRow*>> drawn_stages(const std::vector<StageRow>& stages) {
    constexpr std::size_t k_most = k_most_bars / 2; // both arms have one
    constexpr double k_first = -std::numeric_limits<double>::infinity();
    std::vector<std::pair<double, const StageRow*>> out;
    for (const StageRow& row : stages) {
        const bool last = out.size() + k_most / 2 >= stages.size();
        out.emplace_back(last ? k_first : -slowness_of(row), &row);
    }
    std::ranges::sort(out);
    out.resize(std::min(out.size(), k_most));
    std::ranges::sort(out, {}, &std::pair<double, const StageRow*>::second);
    return out;
}

struct GateBar {
    Bar bar;
    std::string_view id;
    bool passed = false;
};

/// Of too many what did not pass, and the widest of each gate. The caption gets the number of the
/// others.
std::vector<Bar> drawn_gates(const std::vector<GateBar>& rows, std::string& caption) {
    auto order = mapped(rows, [](const GateBar& row) { return &row; });
    const bool many = rows.size() > k_most_bars;
    std::ranges::sort(order, {}, [many](const GateBar* row) {
        const bool folded = many && row->passed;
        return std::tuple(folded, folded ? row->bar.low - row->bar.high : 0, row);
    });
    std::vector<Bar> out;
    std::set<std::string_view> ids;
    std::size_t passed = 0;
    for (const GateBar* row : order) {
        const bool once = many && row->passed;
        if (out.size() < k_most_bars && (!once || ids.insert(row->id).second)) {
            out.push_back(row->bar);
        } else {
            passed += row->passed ? 1 : 0;
        }
    }
    if (many) {
        const std::size_t others = rows.size() - out.size();
        caption += fmt::format(", and {} {}", others, passed == others ? "that passed" : "more");
    }
    return out;
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
    const auto stages = drawn_stages(report.stages);
    for (const auto& [rank, row] : stages) {
        add_latency(rows, *row, "stable", row->stable);
        add_latency(rows, *row, "canary", row->canary);
    }
    std::string caption = "p95 of the time to the first content by stage, with 95 % intervals";
    if (stages.size() < report.stages.size()) {
        caption += fmt::format(
            "; the last and the slowest, {} of {}", stages.size(), report.stages.size()
        );
    }
    constexpr double k_brief_s = 1; // as the text beside each bar
    return times_chart(caption, k_brief_s, rows);
}

std::string gate_chart(const Report& report) {
    std::vector<GateBar> rows;
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
            bar.text = percent_text(*gate.value, gate.spec.limit);
            rows.push_back({std::move(bar), gate.spec.id, gate.verdict == Verdict::pass});
        }
    }
    std::string caption = "Bad requests at the canary against the gate's limit";
    const std::vector<Bar> drawn = drawn_gates(rows, caption);
    return bar_chart(caption, "%", 100, drawn);
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
