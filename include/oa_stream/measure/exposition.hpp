// The only reader of Prometheus' text format: the series of a lane's /metrics, and how much its
// counters rose while they were watched.
#pragma once

#include "oa_stream/base/error.hpp"

#include <compare>
#include <cstddef>
#include <deque>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure {

struct SeriesId {
    std::string name{};
    std::vector<std::pair<std::string, std::string>> labels{}; ///< sorted by name

    [[nodiscard]] std::string_view label(std::string_view wanted) const noexcept; ///< "" if absent
    friend auto operator<=>(const SeriesId&, const SeriesId&) = default;
};
using SeriesMap = std::map<SeriesId, double>;

/// All series of the metric `name`.
[[nodiscard]] std::ranges::subrange<SeriesMap::const_iterator>
series_of(const SeriesMap& series, std::string_view name);

inline constexpr std::size_t k_most_scraped = 20'000; ///< samples of one answer

/// Prometheus text format 0.0.4. Code::protocol, with the line, for a line that is not a sample,
/// for a duplicate sample, and when no series is a lane's; Code::too_large beyond k_most_scraped. A
/// counter with a negative, infinite or NaN value is left out, so it counts as missing.
[[nodiscard]] Result<SeriesMap> parse_exposition(std::string_view text);

/// The counters behind one process address, over a sliding window. A counter that falls was reset:
/// its new value is its rise since the reset. A series that appears later counts from 0.
class CounterWindow {
public:
    explicit CounterWindow(double window_s) : window_s_(window_s) {}

    /// Returns true when the process behind the address restarted. `at_s` must rise.
    bool add(SeriesMap scrape, double at_s);

    /// Seconds of the window that are covered; 0: a single scrape shows no rates.
    [[nodiscard]] double covered_s() const noexcept;
    /// Every counter of the last scrape with its rise over the window; empty after a single scrape.
    [[nodiscard]] SeriesMap rose() const;
    [[nodiscard]] const SeriesMap& last() const noexcept { return last_; }
    [[nodiscard]] double last_at_s() const noexcept { return last_at_s_; }

private:
    struct Tick {
        double from_s = 0;
        double to_s = 0;
        SeriesMap rose{}; ///< counters that rose, only
    };
    double window_s_;
    SeriesMap last_{};
    /// Every counter's newest value, including counters that the last scrape lacks.
    SeriesMap known_{};
    double last_at_s_ = 0;
    bool any_ = false;
    std::deque<Tick> ticks_{};
};

} // namespace oa_stream::measure
