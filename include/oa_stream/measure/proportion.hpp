// Intervals and tests for shares of bad requests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>

namespace oa_stream::measure {

struct Counts {
    std::uint64_t bad = 0;
    std::uint64_t total = 0; ///< bad included
    /// 0 when total is 0; callers check total first.
    [[nodiscard]] double rate() const noexcept {
        return total == 0 ? 0.0 : static_cast<double>(bad) / static_cast<double>(total);
    }
    friend bool operator==(const Counts&, const Counts&) = default;
};

struct Interval {
    double low = 0;
    double high = 0;
};

/// What `confidence` is spent on: both ends together, or each end by itself (a one-sided statement
/// about either end holds with that confidence).
enum class Side { two, one };

/// The standard normal quantile spent by `confidence` on one end. confidence in (0, 1); for
/// Side::one at least 0.5.
[[nodiscard]] double normal_quantile(double confidence, Side side);

/// Wilson's score interval without continuity correction, within [0, 1]. nullopt for no data.
[[nodiscard]] std::optional<Interval> wilson(Counts counts, double confidence, Side side);

/// rate(a) − rate(b) with Newcombe's hybrid score interval (method 10). nullopt when `a` or `b` is
/// empty.
[[nodiscard]] std::optional<Interval>
newcombe_difference(Counts a, Counts b, double confidence, Side side);

/// Which ends an interval has.
enum class Tail {
    two,
    upper, ///< low = 0, the error is spent above
    lower, ///< high = 1, the error is spent below
};

/// Clopper and Pearson's exact interval. nullopt for no data.
[[nodiscard]] std::optional<Interval> clopper_pearson(Counts counts, double confidence, Tail tail);

/// Both ends of clopper_pearson, one-sided: each bound holds with `confidence` at every n. Limits
/// are judged by these bounds. Wilson's upper bound is too low where bad requests are rare: 0 of
/// 268 would prove 1 % at 95 %, yet 6.8 % of the samples of a lane at 1 % show it.
[[nodiscard]] std::optional<Interval> exact_bounds(Counts counts, double confidence);

/// Fisher's exact test on [[a, b], [c, d]]: P(A ≥ a) under equal odds.
[[nodiscard]] double
fisher_greater(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d);

/// The smallest number of requests with which `bad` bad ones still prove rate ≤ limit
/// (exact_bounds). nullopt for a limit outside (0, 1). limit 1 %, 0 bad, 95 %: 299.
[[nodiscard]] std::optional<std::uint64_t>
needed_for_limit(std::uint64_t bad, double limit, double confidence);

/// The smallest n from `from` (at least 1) to `most` for which `enough` holds; `enough` must be
/// monotonic. nullopt: none.
template <class Predicate>
[[nodiscard]] std::optional<std::uint64_t>
smallest(std::uint64_t from, std::uint64_t most, const Predicate& enough) {
    std::uint64_t high = from;
    while (!enough(high)) {
        high *= 2;
        if (high > most) {
            return std::nullopt;
        }
    }
    std::uint64_t low = std::max(from, high / 2 + 1);
    while (low < high) {
        const std::uint64_t middle = std::midpoint(low, high);
        if (enough(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

} // namespace oa_stream::measure
