#include "exposition.hpp"

#include "oa_stream/lane/metrics.hpp"

#include <fmt/format.h>

#include <cmath>

namespace oa_stream::lane {

namespace {

/// A HELP line does not escape quotes.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

std::string number(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return fmt::format("{}", value);
}

} // namespace

void Exposition::family(const telemetry::Metric& metric) {
    name_ = metric.name;
    probe_ = false;
    text_ += fmt::format("# HELP {} ", name_);
    append_escaped(text_, metric.help, false);
    text_ += fmt::format("\n# TYPE {} {}\n", name_, to_string(metric.kind));
}

void Exposition::sample(Labels labels, std::uint64_t value) {
    series({}, labels, fmt::format("{}", value));
}

void Exposition::sample(Labels labels, double value) {
    series({}, labels, number(value));
}

void Exposition::sample(std::string_view suffix, Labels labels, double value) {
    series(suffix, labels, number(value));
}

void Exposition::histogram(Label label, const Histogram& values) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < values.counts().size(); ++i) {
        below += values.counts()[i];
        const auto bound =
            i < values.bounds().size() ? number(values.bounds()[i]) : std::string("+Inf");
        series("_bucket", {label, {"le", bound}}, fmt::format("{}", below));
    }
    series("_sum", {label}, number(values.sum()));
    series("_count", {label}, fmt::format("{}", below));
}

void Exposition::series(std::string_view suffix, Labels labels, std::string_view value) {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    for (const auto& [label, text] : labels) {
        text_ += before;
        text_ += label;
        text_ += "=\"";
        append_escaped(text_, text, true);
        text_ += '"';
        before = ',';
    }
    if (probe_) {
        text_ +=
            fmt::format("{}{}=\"{}\"", before, telemetry::k_probe_label, telemetry::k_probe_value);
        before = ',';
    }
    text_ += before == ',' ? "} " : " ";
    text_ += value;
    text_ += '\n';
}

} // namespace oa_stream::lane
