#include "oa_stream/lane/metrics.hpp"

#include "exposition.hpp"
#include "turn_counters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace oa_stream::lane {

namespace {

using telemetry::metric;

void by_route(Exposition& out, const std::map<std::string_view, std::uint64_t>& values) {
    for (const auto& [route, count] : values) {
        out.sample({{"route", route}}, count);
    }
}

void histograms(Exposition& out, const std::map<std::string_view, Histogram>& values) {
    for (const auto& [route, histogram] : values) {
        out.histogram({"route", route}, histogram);
    }
}

bool is_metric_name(std::string_view name) {
    return !name.empty() &&
           std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// The authority's own numbers. Their names are not ours to trust: a sample that stands twice would
/// silently replace another.
void append_readings(
    Exposition& out, std::span<const authority::Reading> readings, std::string_view before
) {
    std::set<std::string> reported;
    for (const auto& reading : readings) {
        const auto name = fmt::format("{}{}", telemetry::k_prefix, reading.name);
        if (!is_metric_name(reading.name) || before.contains(fmt::format("# TYPE {} ", name)) ||
            !reported.insert(name).second) {
            continue;
        }
        const auto kind =
            reading.name.ends_with("_total") ? telemetry::Kind::counter : telemetry::Kind::gauge;
        out.family({name, kind, {}, reading.help});
        out.sample({}, reading.value);
    }
}

} // namespace

std::string Metrics::text(std::span<const authority::Reading> readings) const {
    Exposition out;
    out.family(metric("http_requests_total"));
    for (const auto& [key, count] : requests_) {
        const auto status = fmt::format("{:03}", key.status);
        out.sample(
            {{"route", key.route}, {"method", key.method}, {"status", status}, {"lane", key.lane}},
            count
        );
    }
    out.family(metric("http_request_duration_seconds"));
    histograms(out, durations_);
    out.family(metric("first_content_seconds"));
    histograms(out, first_contents_);
    out.family(metric("compat_rejected_total"));
    for (const auto& [code, count] : compat_) {
        out.sample({{"code", code}}, count);
    }
    out.family(metric("terminal_total"));
    for (const auto& [key, count] : terminals_) {
        out.sample({{"class", key.terminal}, {"route", key.route}}, count);
    }
    out.family(metric("bridge_accepted_total"));
    by_route(out, accepted_);
    out.family(metric("active_streams"));
    out.sample({}, static_cast<double>(active_streams_));
    out.family(metric("normaliser_repairs_total"));
    for (std::size_t i = 0; i < repairs_.size(); ++i) {
        out.sample({{"kind", encode::to_string(static_cast<encode::Repair>(i))}}, repairs_[i]);
    }
    for (std::size_t i = 0; i < counted_.size(); ++i) {
        out.family(*turn_counters()[i].metric);
        by_route(out, counted_[i]);
    }
    out.family(metric("build_info"));
    out.sample({{"revision", revision_}, {"version", version_}}, std::uint64_t{1});
    auto text = out.take();
    Exposition own;
    append_readings(own, readings, text);
    return text + own.take();
}

} // namespace oa_stream::lane
