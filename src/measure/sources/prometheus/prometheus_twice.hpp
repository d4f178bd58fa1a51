// Detects labels that mislead: a process that is scraped more than once, whose requests would count
// several times, and targets with the same job and instance. Private to the room.
#pragma once

#include "prometheus_calls.hpp"

#include <string>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

/// Matches the `id` label of oa_stream_process_info when the lane set it. A target label of that
/// name replaces it, and then many processes share one value.
inline constexpr std::string_view k_own_id = R"(id=~"[0-9a-f]{16}")";

/// PromQL: the series of processes that have several. `series`: oa_stream_process_info, with
/// k_own_id.
[[nodiscard]] std::string scraped_twice(const std::string& series);

struct TwiceAsked {
    std::string now{}; ///< scraped_twice() of the series at the window's end
    std::string by_step{}; ///< …of the series' count_over_time() over `step_s`
    Span window{};
    double step_s = 0; ///< at least two scrape intervals
    std::string matchers{}; ///< as in PrometheusOptions, for the advice
};

struct ScrapedTwice {
    std::string why{}; ///< one line with advice; empty: each is scraped once, or it is not known
    std::vector<std::pair<std::string, std::string>> targets{}; ///< job and instance of each series
};

/// A target that was renamed within the window has had two names, one after the other. Therefore
/// only series that exist together at the window's end, or side by side in two steps, count as
/// scraped twice. Lanes of older versions have no such series. `calls` must outlive the task.
[[nodiscard]] Task<Result<ScrapedTwice>> find_scraped_twice(Calls* calls, TwiceAsked asked);

/// Why targets cannot be distinguished by job and instance, in one line with advice; empty: they
/// can. Series are those of one target if they differ only in labels of Prometheus' replicas, or
/// never exist at one time. Arguments as for scraping_of().
[[nodiscard]] std::string
named_alike(const Answer& scrapes, const Answer& up, const std::string& matchers);

} // namespace oa_stream::measure::prometheus
