// Quantiles of raw samples and the order statistics that bound them.
#pragma once

#include "oa_stream/measure/fraction.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace oa_stream::measure {

/// 1-based rank max(1, ceil(q·n)) with exact q. n ≥ 1.
[[nodiscard]] std::uint64_t nearest_rank(std::uint64_t n, Fraction q) noexcept;

/// The value at nearest_rank. `sorted` ascending and not empty.
[[nodiscard]] double quantile_sorted(std::span<const double> sorted, Fraction q) noexcept;

/// Linear interpolation at (n − 1)·q, exact q: "type 7", the default of R and numpy. `sorted`
/// ascending and not empty; infinite values are values.
[[nodiscard]] double quantile_type7(std::span<const double> sorted, Fraction q) noexcept;

/// Ranks (1-based) of the order statistics that bound the p-quantile; nullopt: no such order
/// statistic exists at this n, the bound is infinite.
struct RankBound {
    std::uint64_t rank = 0;
    double coverage = 0; ///< probability that the bound holds
};
/// Smallest r with P(Bin(n, p) ≤ r − 1) ≥ confidence. p95 at 95 % needs n ≥ 59.
[[nodiscard]] std::optional<RankBound> upper_rank(std::uint64_t n, Fraction p, double confidence);
/// Largest r with P(Bin(n, p) ≥ r) ≥ confidence.
[[nodiscard]] std::optional<RankBound> lower_rank(std::uint64_t n, Fraction p, double confidence);
/// The smallest n for which upper_rank exists.
[[nodiscard]] std::uint64_t needed_for_upper_rank(Fraction p, double confidence);

} // namespace oa_stream::measure
