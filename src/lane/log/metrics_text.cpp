// Telling.
#include "oa_stream/lane/metrics.hpp"

#include "exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_counter = "counter";
constexpr std::string_view k_histogram = "histogram";

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
    std::set<std::string_view> told;
    for (const auto& reading : readings) {
        const auto line = fmt::format("# TYPE {}{} ", k_metric_prefix, reading.name);
        if (!is_metric_name(reading.name) || before.contains(line) ||
            !told.insert(reading.name).second) {
            continue;
        }
        out.family(
            reading.name, reading.name.ends_with("_total") ? k_counter : "gauge", reading.help
        );
        out.sample({}, reading.value);
    }
}

} // namespace

std::string Metrics::text(std::span<const authority::Reading> readings) const {
    Exposition out;
    out.family("http_requests_total", k_counter, "Requests whose response ended or broke.");
    for (const auto& [key, count] : requests_) {
        const auto status = fmt::format("{:03}", key.status);
        out.sample(
            {{"route", key.route}, {"method", key.method}, {"status", status}, {"lane", key.lane}},
            count
        );
    }
    out.family(
        "http_request_duration_seconds",
        k_histogram,
        "Request read to last byte sent, streams included."
    );
    histograms(out, durations_);
    out.family(
        "first_content_seconds",
        k_histogram,
        "Request read to the first text, reasoning or tool of the turn it started."
    );
    histograms(out, first_contents_);
    out.family(
        "compat_rejected_total", k_counter, "Handshakes refused before the stream, by code."
    );
    for (const auto& [code, count] : compat_) {
        out.sample({{"code", code}}, count);
    }
    out.family("terminal_total", k_counter, "Accepted turns that ended, by how.");
    for (const auto& [key, count] : terminals_) {
        out.sample({{"class", key.terminal}, {"route", key.route}}, count);
    }
    out.family("bridge_accepted_total", k_counter, "Turns the authority accepted.");
    by_route(out, accepted_);
    out.family("active_streams", "gauge", "Streams open now.");
    out.sample({}, static_cast<double>(active_streams_));
    out.family(
        "normaliser_repairs_total", k_counter, "Events of the authority that had to be repaired."
    );
    for (std::size_t i = 0; i < repairs_.size(); ++i) {
        out.sample({{"kind", encode::to_string(static_cast<encode::Repair>(i))}}, repairs_[i]);
    }
    out.family("empty_turns_total", k_counter, "Completed turns without text, reasoning or tool.");
    by_route(out, empty_);
    out.family(
        "usage_unknown_total", k_counter, "Ended turns whose usage the authority never told."
    );
    by_route(out, usage_unknown_);
    out.family("build_info", "gauge", "Which build this process is; always 1.");
    out.sample({{"revision", revision_}, {"version", version_}}, std::uint64_t{1});
    auto text = out.take();
    Exposition own;
    append_readings(own, readings, text);
    return text + own.take();
}

} // namespace oa_stream::lane
