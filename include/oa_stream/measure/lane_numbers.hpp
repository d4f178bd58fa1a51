// What lanes' counters say about a stretch of time, whoever read them: a scrape of /metrics or a
// Prometheus. The counts of turns are telemetry's terms, added up.
#pragma once

#include "oa_stream/measure/exposition.hpp"
#include "oa_stream/measure/prometheus_source.hpp"
#include "oa_stream/measure/service_signals.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace oa_stream::measure {

/// The sum over the series that the term takes; nullopt: there is none, which is not 0.
[[nodiscard]] std::optional<double> sum_of(const SeriesMap& series, const telemetry::Term& term);
/// Of a metric's series, by the value of a label.
[[nodiscard]] std::map<std::string, double>
by_label(const SeriesMap& series, const telemetry::Metric& metric, std::string_view label);

struct TurnCounts {
    std::optional<double> total{}; ///< turn requests
    std::optional<double> bad{};   ///< those that were reported; more when something is missing
    std::set<std::string> missing{}; ///< "requests", "http_5xx", "codex_error"
    /// Series of requests that were answered 2xx are missing: most of the good ones, so a share of
    /// `total` proves nothing.
    bool good_missing = false;
};
/// Turn requests and, by default, bad ones.
[[nodiscard]] TurnCounts turn_counts(const SeriesMap& series);

struct LaneNumbers {
    SeriesMap rose{}; ///< of every counter, over the window
    SeriesMap budget{}; ///< of the counters of turns, over the budget's window
    SeriesMap now{}; ///< gauges
    double window_s = 0; ///< covered by `rose`; 0: nothing yet
    std::string budget_window{}; ///< "since its start", "30d"
    double budget_error = 0; ///< the bad ones in `budget` may be so many more or fewer
};

/// The state of a part of what a Prometheus scraped: its process ended in the window.
inline constexpr std::string_view k_ended = "ended";

/// One instance's numbers.
struct LanePart {
    std::string name{}; ///< a process' id, a target's address
    std::string revision{};
    std::string state{}; ///< "ready"; empty: nobody says
    std::string address{}; ///< the URL at which it answered; empty: a Prometheus was asked
    LaneNumbers numbers{};
    std::vector<ServiceFault> faults{}; ///< of what it needs beside its turns
    double scrapes = 0; ///< by a Prometheus, within the window; 0: nobody says
};

/// What a Prometheus says about all lanes that it scrapes.
struct ScrapedLanes {
    /// A target each, without a budget. One that began again with another revision in the window
    /// has two: of the process that answers, and of the earlier one.
    std::vector<LanePart> parts{};
    /// Budget and gauges of all together; empty when some are mixed or doubled.
    LaneNumbers all{};
    double age_s = 0; ///< of the oldest target's newest sample
    std::vector<std::string> down{}; ///< targets that had a lane a while ago
    std::vector<std::string> mixed{}; ///< several processes answer behind these: no numbers
    /// Why targets that lead to one process have no numbers, with what to do; empty: none do.
    std::string doubled{};
    std::vector<std::string> never_seen{}; ///< down, no lane within a day, beside lanes
    std::vector<std::string> unready{}; ///< targets that say that they take no turns
    std::set<std::string> not_numbers{}; ///< counters of which a value is NaN or infinite: missing
    std::string revisions{}; ///< "r1, r2"
    /// Targets that were not scraped at the window's beginning while their process lived: what they
    /// counted then is unknown.
    std::vector<std::string> unseen{};
    /// "10.0.0.1:8080 (r1, r2)": had these in the window, and its counters do not distinguish them.
    /// Its part has no revision.
    std::vector<std::string> unseparated{};
};
/// Code::not_found when Prometheus knows no lane; else as prometheus_source(). `client` outlives
/// it.
[[nodiscard]] Task<Result<ScrapedLanes>> scraped_lanes(
    net::HttpClient* client, PrometheusOptions options, double window_s, double budget_window_s
);

} // namespace oa_stream::measure
