// Decides whether a window's numbers are reliable: which targets were scraped, how often, until
// when. Pure. Private to the room.
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
    std::string missing{}; ///< why there can be no reading; empty: the counters may be queried
    double interval_s = 0; ///< longest scrape interval of all targets
    double newest_s = 0;
    double covered_s = 0; ///< seconds of the window, as far as `looked` reaches
    double stale_after_s = 0; ///< configured, or derived from the interval
    ByTarget intervals{};
    std::vector<std::string> notes{};

    /// Interval of the target with this job and instance; of an unknown one the longest.
    [[nodiscard]] double interval_of(const Series& target) const;
};

struct ScrapeQuestion {
    Span window{};
    Span looked{}; ///< the span of the scrape query; ends with the window
    double stale_after_s = 0; ///< as in PrometheusOptions
    std::string whose{}; ///< "revision r2" or "any revision", for messages
};

/// Smallest number of scrape intervals in a window for meaningful rates.
inline constexpr double k_least_intervals = 4;

/// Default: three intervals.
[[nodiscard]] double usual_stale_after_s(double interval_s) noexcept;
/// A target without scrapes for at most this long counts as seen throughout the window.
[[nodiscard]] double least_unseen_s(double stale_after_s, double window_s) noexcept;
/// The reason, for a target without scrapes for this long at the window's beginning.
[[nodiscard]] std::string why_not_covered(std::string_view instance, double unseen_s);

/// `scrapes`: the matrix of build_info's raw samples; `up`: the vector at the window's end.
/// Replicas must not be merged: their labels are needed.
[[nodiscard]] Scraping
scraping_of(const Answer& scrapes, const Answer& up, const ScrapeQuestion& question);

/// Whether the same server gave both matrices, one after the other: all points agree, except for
/// those that only the later one has.
[[nodiscard]] bool same_scrapes(const Answer& first, const Answer& later);

/// Seconds of the window with data; `steps` has the number of scrapes in each step of `step_s`.
[[nodiscard]] double
covered_by_steps(const Answer& steps, double step_s, double interval_s, double window_s);

/// How many of `events` are so near the window's ends (within one scrape) that they may be counted
/// or left out.
[[nodiscard]] double edge_error(double events, double interval_s, double covered_s) noexcept;
/// Half-width of increase()'s extrapolation over all targets' events: at either end of a target's
/// scrapes it fills in up to 1.1 intervals with the average rate, so fewer scrapes mean a larger
/// error.
[[nodiscard]] double fill_error(const ByTarget& events, const ByTarget& scrapes);

} // namespace oa_stream::measure::prometheus
