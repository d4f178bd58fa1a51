// Cumulative histogram buckets as Prometheus returns them.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace oa_stream::measure {

/// The bound of the unbounded bucket: Prometheus' +Inf.
inline constexpr double k_infinite = std::numeric_limits<double>::infinity();

/// Observations ≤ `le`. Counts need not be whole: increase() extrapolates.
struct Bucket {
    double le = 0; ///< +Inf for the last
    double count = 0;
    friend bool operator==(const Bucket&, const Bucket&) = default;
};

/// Sorts by bound, merges equal bounds, and raises a falling count to the highest count before it.
[[nodiscard]] std::vector<Bucket> tidy(std::span<const Bucket> buckets);

/// How many observations are at most `limit`: the certain number and the largest possible one.
/// `buckets` must be tidy.
struct AtMost {
    double certain = 0;
    double possible = 0;
};
[[nodiscard]] AtMost at_most(std::span<const Bucket> buckets, double limit) noexcept;

/// Prometheus 2.42's histogram_quantile on classic buckets, with all its special values: NaN
/// without observations or without a +Inf bucket, ∓Inf for q outside [0, 1], the last finite bound
/// when the quantile lies above it. nullopt for no buckets at all (an empty vector, not a number).
[[nodiscard]] std::optional<double> histogram_quantile(double q, std::span<const Bucket> buckets);

/// Range that certainly contains the true quantile: the edges of the bucket interpolated in.
struct Resolution {
    double above = 0; ///< > this
    double up_to = 0; ///< ≤ this; +Inf when no finite bound lies above
};
/// The edges around the `rank`-th smallest observation (1-based). `buckets` must be tidy. A
/// fractional count is rounded to the side that proves less.
[[nodiscard]] Resolution resolution_of_rank(std::span<const Bucket> buckets, double rank) noexcept;

} // namespace oa_stream::measure
