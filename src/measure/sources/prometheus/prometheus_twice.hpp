// One process that is scraped more than once: its requests would count as often. Private to the
// room.
#pragma once

#include "prometheus_calls.hpp"

#include <string>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

/// The label of oa_stream_process_info that is a lane's own. A target's label of that name
/// displaces it, and many processes share that one.
inline constexpr std::string_view k_own_id = R"(id=~"[0-9a-f]{16}")";

/// The series of processes that have several. `series`: oa_stream_process_info, with k_own_id.
[[nodiscard]] std::string scraped_twice(const std::string& series);

struct TwiceAsked {
    std::string now{}; ///< scraped_twice() of the series at the window's end
    std::string by_step{}; ///< …of their count_over_time() over `step_s`
    Span window{};
    double step_s = 0; ///< at least two intervals of scrapes
    std::string matchers{}; ///< PrometheusOptions', for the advice
};

struct ScrapedTwice {
    std::string why{}; ///< one line, with what to do; empty: each once, or nobody says
    std::vector<std::pair<std::string, std::string>> targets{}; ///< job and instance of each series
};

/// A target that was renamed within the window has had two names, one after the other: only series
/// that are there at its end, or side by side in two steps, count a process twice. Lanes of older
/// versions have no such series. `calls` outlives it.
[[nodiscard]] Task<Result<ScrapedTwice>> find_scraped_twice(Calls* calls, TwiceAsked asked);

} // namespace oa_stream::measure::prometheus
