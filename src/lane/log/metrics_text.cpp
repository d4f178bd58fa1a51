#include "oa_stream/lane/metrics.hpp"

#include "exposition.hpp"
#include "turn_counters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::lane {

namespace {

using telemetry::metric;

void by_word(Exposition& out, std::string_view label, const auto& values) {
    for (const auto& [key, count] : values) {
        out.of_probes(key.probe);
        out.sample({{label, key.word}}, count);
    }
}

void histograms(Exposition& out, const auto& values) {
    for (const auto& [key, histogram] : values) {
        out.of_probes(key.probe);
        out.histogram({"route", key.word}, histogram);
    }
}

bool is_metric_name(std::string_view name) {
    return !name.empty() &&
           std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// A reading's name may end with up to two labels: name{label=value,label=value}.
struct ReadingName {
    explicit ReadingName(std::string_view text) : name(text.substr(0, text.find('{'))) {
        auto rest = text.substr(std::min(name.size() + 1, text.size()));
        for (std::size_t i = 0; i < labels.size() && rest.size() > 1; ++i) {
            const auto end = std::min(rest.find_first_of(",}"), rest.size());
            const auto pair = rest.substr(0, end);
            const auto equals = std::min(pair.find('='), pair.size());
            labels.at(i) = {pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))};
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    std::string_view name;
    std::array<Exposition::Label, 2> labels{};
};

/// The suffix of a histogram's sample; empty for other readings. The samples of one histogram stand
/// together, buckets first.
std::string_view part_of_histogram(std::string_view name, std::string_view family) {
    for (const std::string_view part : {"_bucket", "_sum", "_count"}) {
        if (name.ends_with(part) &&
            (part == "_bucket" || family == name.substr(0, name.size() - part.size()))) {
            return part;
        }
    }
    return {};
}

telemetry::Kind kind_of(std::string_view name, bool histogram) {
    return histogram                  ? telemetry::Kind::histogram
           : name.ends_with("_total") ? telemetry::Kind::counter
                                      : telemetry::Kind::gauge;
}

/// Adds the authority's own readings. Their names are not trusted: a sample that appears twice
/// would silently replace the first.
void append_readings(
    Exposition& out, std::span<const authority::Reading> readings, std::string_view before
) {
    std::set<std::string_view> reported;
    std::string family;
    for (const auto& reading : readings) {
        const ReadingName of(reading.name);
        auto name = fmt::format("{}{}", telemetry::k_prefix, of.name);
        const auto part = part_of_histogram(name, family);
        name.resize(name.size() - part.size());
        if (!is_metric_name(of.name) || before.contains(fmt::format("# TYPE {} ", name)) ||
            !reported.insert(reading.name).second) {
            continue;
        }
        if (family != name) {
            family = name;
            out.family({family, kind_of(name, !part.empty()), {}, reading.help});
        }
        const auto& [first, second] = of.labels;
        if (first.first.empty()) {
            out.sample(part, {}, reading.value);
        } else if (second.first.empty()) {
            out.sample(part, {first}, reading.value);
        } else {
            out.sample(part, {first, second}, reading.value);
        }
    }
}

} // namespace

void Metrics::write_requests(Exposition& out) const {
    out.family(metric("http_requests_total"));
    for (const auto& [key, count] : requests_) {
        out.of_probes(key.probe);
        const auto status = fmt::format("{:03}", key.status);
        out.sample(
            {{"route", key.route}, {"method", key.method}, {"status", status}, {"lane", key.lane}},
            count
        );
    }
    out.family(metric("http_request_duration_seconds"));
    histograms(out, durations_);
    out.family(metric("turn_duration_seconds"));
    histograms(out, turn_durations_);
    out.family(metric("first_content_seconds"));
    histograms(out, first_contents_);
    out.family(metric("chunk_gap_seconds"));
    histograms(out, gaps_);
    out.family(metric("compat_rejected_total"));
    by_word(out, "code", compat_);
}

void Metrics::write_turns(Exposition& out) const {
    out.family(metric("terminal_total"));
    for (const auto& [key, count] : terminals_) {
        out.of_probes(key.probe);
        out.sample({{"class", key.terminal}, {"route", key.route}}, count);
    }
    out.family(metric("bridge_accepted_total"));
    by_word(out, "route", accepted_);
    out.family(metric("active_streams"));
    out.sample({}, static_cast<double>(active_streams_));
    out.family(metric("normaliser_repairs_total"));
    for (std::size_t i = 0; i < repairs_.size(); ++i) {
        out.sample({{"kind", encode::to_string(static_cast<encode::Repair>(i))}}, repairs_[i]);
    }
    for (std::size_t i = 0; i < counted_.size(); ++i) {
        out.family(*turn_counters()[i].metric);
        by_word(out, "route", counted_[i]);
    }
}

void Metrics::write_process(Exposition& out, bool ready) const {
    out.family(metric("build_info"));
    out.sample({{"revision", process_.revision}, {"version", process_.version}}, std::uint64_t{1});
    out.family(metric("process_info"));
    out.sample({{"id", process_.id}}, std::uint64_t{1});
    out.family(metric("process_start_time_seconds"));
    out.sample({}, process_.started_s);
    out.family(metric("ready"));
    out.sample({}, std::uint64_t{ready ? 1U : 0U});
}

std::string Metrics::text(std::span<const authority::Reading> readings, bool ready) const {
    Exposition out;
    write_requests(out);
    write_turns(out);
    write_process(out, ready);
    auto text = out.take();
    Exposition own;
    append_readings(own, readings, text);
    return text + own.take();
}

} // namespace oa_stream::lane
