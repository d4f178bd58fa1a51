#include "oa_stream/measure/processes.hpp"

#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace oa_stream::measure {
namespace {

using telemetry::metric;

/// The label's value, if the metric has exactly one series with it.
std::string
label_of(const SeriesMap& scrape, const telemetry::Metric& row, std::string_view label) {
    const auto found = by_label(scrape, row, label);
    return found.size() == 1 ? found.begin()->first : std::string();
}

/// Tolerated difference between the clocks of two machines.
constexpr double k_clock_error_s = 5;

/// The process began while its address was watched: everything that it counted is new.
bool began_since(const SeriesMap& scrape, double watched_s, double wall_s) {
    const auto started = sum_of(scrape, {&metric("process_start_time_seconds")}).value_or(0);
    const double age = wall_s - started;
    return started > 0 && age >= -k_clock_error_s && age <= watched_s;
}

/// Only series with the probes' label. Gauges that describe the scrape itself have no such label
/// and stay.
bool of_probes(const SeriesId& series) {
    return !series.label(telemetry::k_probe_label).empty();
}

} // namespace

SeriesMap merged_series(SeriesMap scrape, bool include_probes) {
    SeriesMap out;
    for (auto& [series, value] : scrape) {
        if (!of_probes(series)) {
            out[series] += value;
        } else if (include_probes) {
            SeriesId plain = series;
            std::erase_if(plain.labels, [](const auto& label) {
                return label.first == telemetry::k_probe_label;
            });
            out[std::move(plain)] += value;
        }
    }
    return out;
}

std::string Processes::add(SeriesMap scrape, double at_s, double wall_s) {
    const bool first = began_at_s_ < 0;
    began_at_s_ = first ? at_s : began_at_s_;
    const std::string id = label_of(scrape, metric("process_info"), "id");
    const std::string revision = label_of(scrape, metric("build_info"), "revision");
    auto found = std::ranges::find(all_, id, &ScrapedProcess::id);
    std::string news;
    if (found == all_.end()) {
        all_.push_back({.id = id, .first_at_s = at_s, .counters = CounterWindow(window_s_)});
        found = std::prev(all_.end());
        if (began_since(scrape, at_s - began_at_s_, wall_s)) {
            SeriesMap none = scrape;
            for (auto& [series, value] : none) {
                value = 0;
            }
            (void)found->counters.add(
                std::move(none),
                at_s - (wall_s - *sum_of(scrape, {&metric("process_start_time_seconds")}))
            );
        }
        news = first ? std::string() : fmt::format("process {} ({}) answers", id, revision);
    }
    found->revision = revision;
    found->ready = sum_of(scrape, {&metric("ready")}).value_or(1) > 0;
    found->last_at_s = at_s;
    if (found->counters.add(std::move(scrape), at_s)) {
        news = "began again: its counters fell";
    }
    return news;
}

std::size_t Processes::answered_since(double at_s) const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(all_, [at_s](const auto& one) {
        return one.last_at_s >= at_s;
    }));
}

std::vector<const ScrapedProcess*> Processes::lost_since(double at_s) const {
    std::vector<const ScrapedProcess*> lost;
    for (const ScrapedProcess& one : all_) {
        if (one.last_at_s < at_s) {
            lost.push_back(&one);
        }
    }
    // A process that appeared later replaces one that disappeared before.
    for (const ScrapedProcess& one : all_) {
        const auto replaced = std::ranges::find_if(lost, [&](const ScrapedProcess* gone) {
            return gone != &one && gone->last_at_s < one.first_at_s;
        });
        if (replaced != lost.end()) {
            lost.erase(replaced);
        }
    }
    return lost;
}

bool Processes::distinguished() const noexcept {
    return std::ranges::none_of(all_, [](const auto& one) { return one.id.empty(); });
}

void Processes::forget_before(double at_s) {
    std::erase_if(all_, [at_s](const ScrapedProcess& one) { return one.last_at_s < at_s; });
}

} // namespace oa_stream::measure
