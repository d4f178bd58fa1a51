// Whether a window's numbers can be believed: who was scraped, how often, until when. Pure.
// Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_answer.hpp"
#include "oa_stream/measure/source.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

using ByTarget = std::map<std::pair<std::string, std::string>, double>; ///< job and instance

struct Scraping {
    std::string missing{}; ///< why nothing can be said; empty: the counters may be asked
    double interval_s = 0; ///< the longest of the targets'
    double newest_s = 0;
    double covered_s = 0; ///< of the window, as far as `looked` reaches
    double stale_after_s = 0; ///< as asked for, or by the interval
    ByTarget intervals{};
    std::vector<std::string> notes{};

    /// The one of the target with this job and instance; without it the longest.
    [[nodiscard]] double interval_of(const Series& target) const;
};

struct ScrapeQuestion {
    Span window{};
    Span looked{}; ///< what the scrapes were asked for; ends with the window
    double stale_after_s = 0; ///< as PrometheusOptions'
    std::string whose{}; ///< "revision r2" or "any revision", for messages
};

/// A window holds at least so many intervals, or rates mean nothing.
inline constexpr double k_least_intervals = 4;

/// Without a time of its own: three intervals.
[[nodiscard]] double usual_stale_after_s(double interval_s) noexcept;
/// A target that was out of sight for no longer than that counts as seen throughout the window.
[[nodiscard]] double least_unseen_s(double stale_after_s, double window_s) noexcept;
/// Of a target that was out of sight so long at the window's beginning.
[[nodiscard]] std::string why_not_covered(std::string_view instance, double unseen_s);

/// `scrapes`: the matrix of build_info's raw samples; `up`: the vector at the window's end. Neither
/// merged: replicas keep their labels.
[[nodiscard]] Scraping
scraping_of(const Answer& scrapes, const Answer& up, const ScrapeQuestion& question);

/// Whether one server gave both of these matrices, one after the other: no point differs but those
/// that the later one has in addition.
[[nodiscard]] bool same_scrapes(const Answer& first, const Answer& later);

/// Seconds of the window with data: `steps` counts the scrapes in each step of `step_s`.
[[nodiscard]] double
covered_by_steps(const Answer& steps, double step_s, double interval_s, double window_s);

/// How many of `events` lie so near the window's ends, within a scrape of each, that they may be
/// counted in or left out.
[[nodiscard]] double edge_error(double events, double interval_s, double covered_s) noexcept;
/// Half-width of what increase() makes up in each target's events: it fills up to 1.1 intervals at
/// either end of its scrapes with the average between them, so the more the fewer there were.
[[nodiscard]] double fill_error(const ByTarget& events, const ByTarget& scrapes);

} // namespace oa_stream::measure::prometheus
