// The one reader of Prometheus' text format: what a lane's /metrics says, and how much its counters
// rose while they were watched.
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

/// All that are called `name`.
[[nodiscard]] std::ranges::subrange<SeriesMap::const_iterator>
series_of(const SeriesMap& series, std::string_view name);

inline constexpr std::size_t k_most_scraped = 20'000; ///< samples of one answer

/// Prometheus text format 0.0.4. Code::protocol with the line for what is not a sample, for one
/// that stands twice, and when nothing in it is a lane's; Code::too_large beyond k_most_scraped.
/// A counter whose value is negative, infinite or NaN is left out: what it counts is missing.
[[nodiscard]] Result<SeriesMap> parse_exposition(std::string_view text);

/// The counters of one process address, over a sliding window. A counter that falls began again:
/// its new value is what it rose by since. A series that was not there before counts from 0.
class CounterWindow {
public:
    explicit CounterWindow(double window_s) : window_s_(window_s) {}

    /// Returns true when the process behind the address began again. `at_s` rises.
    bool add(SeriesMap scrape, double at_s);

    /// How much of the window is covered; 0: a single scrape says nothing about rates.
    [[nodiscard]] double covered_s() const noexcept;
    /// Every counter of the last scrape with what it rose by; empty after a single scrape.
    [[nodiscard]] SeriesMap rose() const;
    [[nodiscard]] const SeriesMap& last() const noexcept { return last_; }
    [[nodiscard]] double last_at_s() const noexcept { return last_at_s_; }

private:
    struct Tick {
        double from_s = 0;
        double to_s = 0;
        SeriesMap rose{}; ///< only what did
    };
    double window_s_;
    SeriesMap last_{};
    SeriesMap known_{}; ///< every counter's newest value, also of those that the last scrape lacks
    double last_at_s_ = 0;
    bool any_ = false;
    std::deque<Tick> ticks_{};
};

} // namespace oa_stream::measure
