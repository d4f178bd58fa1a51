// Charts of what checks measured, for commands whose checks are all that they have.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/gate.hpp"

#include "charts.hpp"
#include "plot.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::report {
namespace {

constexpr std::size_t k_most_rows = 40; ///< more would not be read

std::string percent(double share) {
    return number(share * k_percent) + "%";
}

std::string times(double rate) {
    return number(rate) + "×";
}

constexpr double k_short_s = 0.1; ///< below it milliseconds are read more easily

std::string seconds(double time) {
    return time < k_short_s ? fmt::format("{:.3g}ms", time * k_milli) : seconds_text(time);
}

/// Of a gate on a limit: its interval against it. Versus another revision: both, as measured.
void add_gate(const Check& check, std::string (*say)(double), std::vector<Bar>& out) {
    const Json& data = check.data;
    const std::string name = check.id.substr(check.id.find('.') + 1);
    const auto bar = [&](std::string label, double value, SeriesTone tone) {
        Bar one{.label = std::move(label), .tone = tone, .low = value, .value = value};
        one.high = value;
        one.text = say(value);
        return one;
    };
    if (text_view_in(data, "against") != "limit") {
        const auto measured = finite_in(data, "measured");
        const auto reference = finite_in(data, "reference");
        if (measured && reference) {
            out.push_back(bar(name, *measured, SeriesTone::canary));
            out.push_back(bar(name + ", reference", *reference, SeriesTone::stable));
        }
        return;
    }
    const auto limit = finite_in(data, "limit");
    const auto low = finite_in(data, "low");
    if (const auto value = finite_in(data, "value")) {
        Bar one = bar(name, *value, SeriesTone::canary);
        const auto high = finite_in(data, "high");
        one.low = low.value_or(0);
        one.high = high.value_or(*value);
        one.open = !high;
        one.limit = limit;
        out.push_back(std::move(one));
    } else if (const auto from = check.verdict == Verdict::fail && !low ? limit : low) {
        Bar one = bar(name, *from, SeriesTone::canary); // time limits came first
        one.open = true;
        one.limit = limit;
        one.text = "never";
        out.push_back(std::move(one));
    }
}

std::string gates_of(const Report& report) {
    std::vector<Bar> shares;
    std::vector<Bar> waits;
    std::vector<Bar> others;
    for (const Check& check : report.checks) { // gates alone have a metric
        const std::string_view metric = text_view_in(check.data, "metric");
        if (metric == "bad_rate") {
            add_gate(check, percent, shares);
        } else if (metric == "expression") {
            add_gate(check, number, others);
        } else if (metric.contains("_p") && !metric.starts_with("tokens_per_s")) {
            add_gate(check, seconds, waits);
        }
    }
    return bar_chart("Bad requests against the limit", "%", k_percent, shares) +
           times_chart("Times against the limit", k_short_s, waits) +
           bar_chart("Measured against the limit", "", 1, others);
}

/// Each window that was read, from the longest to the shortest, against the rate that alerts.
std::string burns_of(const Check& check, std::string_view name) {
    std::vector<Bar> rows;
    const auto add = [&](const Json& burn, std::string_view length) {
        const auto rate = finite_in(burn, fmt::format("{}_burn", length));
        if (!rate) {
            return;
        }
        Bar bar{.label = fmt::format("last {}", text_view_in(burn, length))};
        bar.tone = SeriesTone::canary;
        bar.value = bar.high = *rate;
        bar.limit = finite_in(burn, "factor");
        bar.text = times(*rate);
        rows.push_back(std::move(bar));
    };
    for (const Json& burn : list_in(check.data, "burn_rates")) {
        add(burn, "long");
        add(burn, "short");
    }
    return bar_chart(
        fmt::format("{}: how fast the budget burns, and from when on it alerts", name), "×", 1, rows
    );
}

std::string budgets_of(const Report& report) {
    std::vector<Bar> rows;
    std::string burns;
    for (const Check& check : report.checks) {
        const auto consumed = finite_in(check.data, "consumed"); // budgets alone have it
        if (!consumed) {
            continue;
        }
        const std::string name = check.id.substr(check.id.find('.') + 1);
        const double blur = finite_in(check.data, "blur").value_or(0);
        Bar bar{.label = name, .tone = SeriesTone::stable};
        bar.value = *consumed;
        bar.low = std::max(0.0, *consumed - blur);
        bar.high = *consumed + blur;
        bar.limit = finite_in(check.data, check.data.contains("at_most") ? "at_most" : "limit");
        bar.text = percent(*consumed);
        rows.push_back(std::move(bar));
        burns += burns_of(check, name);
    }
    return bar_chart("Error budget consumed, and how much may be", "%", k_percent, rows) + burns;
}

/// How much slower one side of a shadow was: the interval against what is allowed.
std::string ratios_of(const Report& report) {
    std::vector<Bar> rows;
    for (const Check& check : report.checks) {
        const auto ratio = finite_in(check.data, "ratio");
        if (!ratio) {
            continue;
        }
        Bar bar{.label = check.id.substr(check.id.find('.') + 1), .tone = SeriesTone::canary};
        const auto high = finite_in(check.data, "ratio_high");
        bar.value = *ratio;
        bar.low = finite_in(check.data, "ratio_low").value_or(0);
        bar.high = high.value_or(*ratio);
        bar.open = !high;
        bar.limit = finite_in(check.data, "limit_ratio");
        bar.text = times(*ratio);
        rows.push_back(std::move(bar));
    }
    return bar_chart("Time of the lane over that of the reference", "×", 1, rows);
}

/// Answers of probes: from the first content (or the head) to the end.
std::string answers_of(const Report& report) {
    std::vector<Bar> rows;
    for (const Check& check : report.checks) {
        const Json* clocks = member(check.data, "clocks");
        const auto at = [&](std::string_view name) {
            return clocks != nullptr ? finite_in(*clocks, name)
                                     : finite_in(check.data, fmt::format("{}_s", name));
        };
        const auto end = at("end");
        const auto head = at("headers");
        if (!end || !head || rows.size() == k_most_rows) {
            continue;
        }
        Bar bar{.label = check.id.substr(check.id.find('.') + 1), .tone = SeriesTone::stable};
        bar.value = at("first_content").value_or(*head);
        bar.low = std::min(*head, bar.value);
        bar.high = std::max(*end, bar.value);
        bar.text = seconds(bar.value);
        rows.push_back(std::move(bar));
    }
    return times_chart(
        "Answers: from the head over the first content (the dot) to the end", k_short_s, rows
    );
}

} // namespace

std::string check_charts(const Report& report) {
    // Runs with stages draw their gates and answers there.
    std::string out = budgets_of(report);
    if (report.stages.empty()) {
        out = gates_of(report) + ratios_of(report) + answers_of(report) + out;
    }
    return out.empty() ? "" : "<div class=\"charts\">\n" + out + "</div>\n";
}

} // namespace oa_stream::report
