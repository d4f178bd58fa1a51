#include "charts.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace oa_stream::report {
namespace {

// A picture is 720 units wide: labels on the left, the plot beside them.
constexpr double k_width = 720;
constexpr double k_left = 190;
constexpr double k_right = 70;
constexpr double k_plot = k_width - k_left - k_right;
constexpr double k_row = 30;
constexpr double k_top = 26;

struct Bar {
    std::string label;
    std::string_view arm; ///< CSS class
    double low = 0;
    double value = 0;
    double high = 0;
    bool open = false; ///< the upper end is not known
    std::optional<double> limit{};
    std::string text; ///< the value as people read it
};

double x_of(double value, double most) {
    return k_left + (most > 0 ? std::clamp(value / most, 0.0, 1.0) * k_plot : 0);
}

/// A round number at or above `value`, for the axis' end.
double round_up(double value) {
    if (!(value > 0) || !std::isfinite(value)) {
        return 1;
    }
    const double ten = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0}) {
        if (value <= step * ten) {
            return step * ten;
        }
    }
    return 10 * ten;
}

std::string figure(
    std::string_view caption, std::string_view described, double height, std::string_view inner
) {
    return fmt::format(
        "<figure>\n<figcaption>{}</figcaption>\n"
        "<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n</figure>\n",
        html::escaped(caption),
        k_width,
        height,
        html::escaped(described),
        inner
    );
}

std::string axis(double most, std::string_view unit, double height) {
    std::string out;
    for (const double part : {0.0, 0.5, 1.0}) {
        const double x = k_left + part * k_plot;
        out += fmt::format(
            "<line class=\"axis\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:g}\" y2=\"{:.1f}\"/>\n"
            "<text class=\"soft\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"14\">{:g}{}</text>\n",
            x,
            x,
            k_top - 6,
            height,
            x,
            most * part,
            unit
        );
    }
    return out;
}

std::string bar_row(const Bar& bar, std::size_t row, double most) {
    const double y = k_top + k_row * static_cast<double>(row) + k_row / 2;
    const double high = bar.open ? most : bar.high;
    std::string out = fmt::format(
        "<text x=\"0\" y=\"{:.1f}\">{}</text>\n"
        "<line class=\"{}\" stroke-width=\"3\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" "
        "y2=\"{:.1f}\"/>\n<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
        y + 4,
        html::escaped(bar.label),
        bar.arm,
        x_of(bar.low, most),
        x_of(high, most),
        y,
        y,
        bar.arm,
        x_of(bar.value, most),
        y,
        k_left + k_plot + 8,
        y + 4,
        html::escaped(bar.text)
    );
    if (bar.limit) {
        const double x = x_of(*bar.limit, most);
        out += fmt::format(
            "<line class=\"limit\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
            x,
            x,
            y - 11,
            y + 11
        );
    }
    return out;
}

std::string
bars(std::string_view caption, std::string_view unit, double scale, const std::vector<Bar>& rows) {
    if (rows.empty()) {
        return {};
    }
    double most = 0;
    std::string described(caption);
    for (const Bar& row : rows) {
        const double top = row.open ? row.value : row.high;
        most = std::max({most, row.value, std::isfinite(top) ? top : 0.0, row.limit.value_or(0)});
        described += fmt::format("; {}: {}", row.label, row.text);
    }
    most = round_up(most * scale) / scale;
    const double height = k_top + k_row * static_cast<double>(rows.size());
    std::string inner = axis(most * scale, unit, height);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        inner += bar_row(rows[i], i, most);
    }
    return figure(caption, described, height + 4, inner);
}

void add_latency(
    std::vector<Bar>& out,
    const StageRow& row,
    std::string_view arm,
    const std::vector<measure::Sample>& samples
) {
    const auto times = measure::first_content_sorted(samples);
    if (times.empty()) {
        return;
    }
    const double p95 = measure::quantile_sorted(times, measure::k_p95);
    if (!std::isfinite(p95)) {
        return;
    }
    const auto low = measure::lower_rank(times.size(), measure::k_p95, 0.975);
    const auto high = measure::upper_rank(times.size(), measure::k_p95, 0.975);
    Bar bar;
    bar.label = fmt::format("{} {}", row.name, arm);
    bar.arm = arm;
    bar.value = p95;
    bar.low = low ? times[low->rank - 1] : 0;
    bar.high = high ? times[high->rank - 1] : p95;
    bar.open = !high || !std::isfinite(bar.high);
    bar.text = measure::seconds_text(p95, -1);
    out.push_back(std::move(bar));
}

/// "25%" → 25
std::optional<double> percent_of(std::string_view name) {
    double value = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    const bool whole = error == std::errc{} && end != name.data() + name.size() && *end == '%';
    return whole ? std::optional(value) : std::nullopt;
}

} // namespace

std::string latency_chart(const Report& report) {
    std::vector<Bar> rows;
    for (const StageRow& row : report.stages) {
        add_latency(rows, row, "stable", row.stable);
        add_latency(rows, row, "canary", row.canary);
    }
    return bars("p95 of the time to the first content by stage, with 95 % intervals", "s", 1, rows);
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
            bar.arm = "canary";
            bar.value = *gate.value;
            bar.low = gate.low.value_or(0);
            bar.high = gate.high.value_or(1);
            bar.limit = gate.spec.limit;
            bar.text = measure::percent_text(*gate.value, gate.spec.limit);
            rows.push_back(std::move(bar));
        }
    }
    return bars("Bad requests at the canary against the gate's limit", "%", 100, rows);
}

std::string budget_chart(const Report& report) {
    std::vector<Bar> rows;
    for (const Check& check : report.checks) {
        const auto consumed = number_in(check.data, "consumed");
        if (!check.id.starts_with("budget.") || !consumed || !std::isfinite(*consumed)) {
            continue;
        }
        Bar bar;
        bar.label = check.id.substr(7);
        bar.arm = "stable";
        bar.value = *consumed;
        bar.high = *consumed;
        bar.limit = number_in(check.data, "limit");
        bar.text = fmt::format("{:.3g}%", *consumed * 100);
        rows.push_back(std::move(bar));
    }
    return bars("Error budget consumed, and how much may be", "%", 100, rows);
}

std::string split_chart(const Report& report) {
    constexpr double k_height = 150;
    constexpr double k_base = k_height - 24;
    double total = 0;
    for (const StageRow& row : report.stages) {
        if (!percent_of(row.name)) {
            return {};
        }
        total += std::max(row.seconds, 0.0);
    }
    if (total <= 0) {
        return {};
    }
    std::string path = fmt::format("M{:g} {:g}", k_left, k_base);
    std::string marks;
    std::string described = "Share of the canary";
    double at = 0;
    for (const StageRow& row : report.stages) {
        const double share = percent_of(row.name).value_or(0); // looked at above
        const double from = k_left + at / total * k_plot;
        at += std::max(row.seconds, 0.0);
        const double to = k_left + at / total * k_plot;
        const double y = k_base - share / 100 * (k_base - k_top);
        path += fmt::format("L{:.1f} {:.1f}L{:.1f} {:.1f}", from, y, to, y);
        marks += fmt::format(
            "<text text-anchor=\"middle\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
            (from + to) / 2,
            y - 5,
            html::escaped(row.name)
        );
        described += fmt::format("; {} for {:.1f} s", row.name, row.seconds);
    }
    path += fmt::format("L{:.1f} {:g}Z", k_left + k_plot, k_base);
    const std::string inner = fmt::format(
        "<line class=\"axis\" x1=\"{:g}\" x2=\"{:g}\" y1=\"{:g}\" y2=\"{:g}\"/>\n"
        "<path class=\"canary area\" d=\"{}\"/>\n{}"
        "<text class=\"soft\" x=\"{:g}\" y=\"{:g}\">0 s</text>\n"
        "<text class=\"soft\" text-anchor=\"end\" x=\"{:g}\" y=\"{:g}\">{:.0f} s</text>\n",
        k_left,
        k_left + k_plot,
        k_base,
        k_base,
        path,
        marks,
        k_left,
        k_height - 6,
        k_left + k_plot,
        k_height - 6,
        total
    );
    return figure("Share of the canary while each stage was held", described, k_height, inner);
}

} // namespace oa_stream::report
