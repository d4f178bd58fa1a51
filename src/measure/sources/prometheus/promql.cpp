#include "promql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace oa_stream::measure::prometheus {
namespace {

struct Unit {
    std::string_view word;
    std::uint64_t millis;
};
constexpr std::array k_units{
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}
};

/// A character that means something in a regular expression stands in a class of its own.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        constexpr std::string_view k_special = ".+*?()|[]{}$";
        if (c == '^' || c == '\\') {
            out += std::string("\\") + c;
        } else if (k_special.find(c) != std::string_view::npos) {
            out += std::string("[") + c + ']';
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace

std::string duration_text(double seconds) {
    auto left = static_cast<std::uint64_t>(std::max(1.0, std::round(seconds * 1000)));
    std::string out;
    for (const Unit& unit : k_units) {
        if (left >= unit.millis) {
            out += fmt::format("{}{}", left / unit.millis, unit.word);
            left %= unit.millis;
        }
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c == '\n' ? "\\n" : std::string(1, c);
    }
    return out + '"';
}

std::string rise(const std::string& series, double window_s) {
    const std::string window = duration_text(window_s);
    std::string all = fmt::format("increase({}[{}])", series, window);
    if (window_s > k_exact_up_to_s) {
        return all;
    }
    return fmt::format(
        "((max_over_time({0}[{1}]) - min_over_time({0}[{1}])) unless resets({0}[{1}]) > 0) or {2}",
        series,
        window,
        all
    );
}

std::string mixed_targets(std::string_view series, std::string_view window) {
    return fmt::format("max by (job, instance) (resets({}[{}])) > 0", series, window);
}

std::string joined(std::string a, std::string_view b) {
    a += a.empty() || b.empty() ? "" : ",";
    return a.append(b);
}

std::string matcher(const telemetry::LabelIs& label) {
    if (label.values.size() == 1 && !label.pattern) {
        return fmt::format("{}={}", label.label, in_quotes(label.values.front()));
    }
    std::string any;
    for (const std::string& value : label.values) {
        any += (any.empty() ? "" : "|") + (label.pattern ? value : literal(value));
    }
    return fmt::format("{}=~{}", label.label, in_quotes(any));
}

std::string whose(std::string_view name, bool include_probes) {
    std::string out;
    for (const telemetry::Metric& metric : telemetry::k_metrics) {
        const bool histogram = metric.kind == telemetry::Kind::histogram;
        if (include_probes ||
            !(name == metric.name || (histogram && name.starts_with(metric.name)))) {
            continue;
        }
        for (const telemetry::LabelIs& label : telemetry::no_probes(metric)) {
            out = matcher(label);
        }
    }
    return out;
}

std::string matchers(const telemetry::Term& term) {
    std::string out;
    for (const telemetry::LabelIs& label : term.labels) {
        if (label.label != telemetry::k_probe_label) {
            out = joined(std::move(out), matcher(label));
        }
    }
    return out;
}

} // namespace oa_stream::measure::prometheus
