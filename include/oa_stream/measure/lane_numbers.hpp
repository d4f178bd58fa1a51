// What the counters of lanes show for a stretch of time, read from a scrape of /metrics or from
// Prometheus. Counts of turns are sums of telemetry's terms.
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

/// The sum over the series that the term selects; nullopt: there are none, which is not 0.
[[nodiscard]] std::optional<double> sum_of(const SeriesMap& series, const telemetry::Term& term);
/// Sums of a metric's series, by the value of a label.
[[nodiscard]] std::map<std::string, double>
by_label(const SeriesMap& series, const telemetry::Metric& metric, std::string_view label);

struct TurnCounts {
    std::optional<double> total{}; ///< turn requests
    /// The bad requests reported; there may be more when something is missing.
    std::optional<double> bad{};
    std::set<std::string> missing{}; ///< "requests", "http_5xx", "codex_error"
    /// Series of requests answered 2xx are missing: those are most of the good ones, so a share of
    /// `total` proves nothing.
    bool good_missing = false;
};
/// Turn requests, and those that are bad by default.
[[nodiscard]] TurnCounts turn_counts(const SeriesMap& series);

struct LaneNumbers {
    SeriesMap rose{}; ///< the rise of every counter over the window
    SeriesMap budget{}; ///< the rise of the turn counters over the budget's window
    SeriesMap now{}; ///< gauges
    double window_s = 0; ///< seconds covered by `rose`; 0: no rise is known yet
    std::string budget_window{}; ///< "since its start", "30d"
    double budget_error = 0; ///< `budget` may have this many bad requests too many or too few
};

/// State of a part that Prometheus scraped: its process ended within the window.
inline constexpr std::string_view k_ended = "ended";

/// One instance's numbers.
struct LanePart {
    std::string name{}; ///< a process id or a target's address
    std::string revision{};
    std::string state{}; ///< "ready"; empty: not known
    std::string address{}; ///< the URL that was scraped; empty: Prometheus was queried
    LaneNumbers numbers{};
    std::vector<ServiceFault> faults{}; ///< of the services that the lane depends on
    double scrapes = 0; ///< by Prometheus, within the window; 0: not known
};

/// What Prometheus has about all lanes that it scrapes.
struct ScrapedLanes {
    /// One per target, without a budget. A target that restarted with another revision in the
    /// window has two: of the running process and of the earlier one.
    std::vector<LanePart> parts{};
    /// Budget and gauges of all lanes together; empty when targets are mixed or doubled.
    LaneNumbers all{};
    double age_s = 0; ///< of the oldest target's newest sample
    std::vector<std::string> down{}; ///< targets that are down and recently had a lane
    /// Targets with several processes behind them: they have no numbers.
    std::vector<std::string> mixed{};
    /// Why targets that lead to the same process have no numbers, and what to do; empty: there are
    /// none.
    std::string doubled{};
    std::vector<std::string> never_seen{}; ///< down, no lane within a day, of jobs that have lanes
    std::vector<std::string> unready{}; ///< targets that report that they accept no turns
    /// Counters with a NaN or infinite value; they count as missing.
    std::set<std::string> not_numbers{};
    std::string revisions{}; ///< "r1, r2"
    /// Targets that were not scraped at the window's beginning although their process lived: what
    /// they counted then is unknown.
    std::vector<std::string> unseen{};
    /// "10.0.0.1:8080 (r1, r2)": targets that had several revisions in the window and whose
    /// counters do not distinguish them. Their parts have no revision.
    std::vector<std::string> unseparated{};
};
/// Code::not_found when Prometheus has no lane; otherwise as prometheus_source(). `client` must
/// outlive the task.
[[nodiscard]] Task<Result<ScrapedLanes>> scraped_lanes(
    net::HttpClient* client, PrometheusOptions options, double window_s, double budget_window_s
);

} // namespace oa_stream::measure
