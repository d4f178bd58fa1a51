// Rank methods: has one sample moved against another, and by how much? No gate uses them; the
// reference numbers have them.
#pragma once

#include "oa_stream/measure/fraction.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace oa_stream::measure {

enum class RankMethod {
    exact,      ///< the distribution without ties; for small samples
    asymptotic, ///< normal; variance corrected for ties, continuity 0.5 toward the mean
};

/// Mann and Whitney's test of `x` against `y`.
struct MannWhitney {
    double u1 = 0;      ///< pairs with x > y, ties count half
    double u2 = 0;      ///< the other pairs
    double p_less = 1;  ///< small when x tends to be smaller
    double p_greater = 1;
    double p_two_sided = 1;
};
/// nullopt when one is empty. Exact costs about |x|²·|y| big-integer steps: meant for tens of
/// values.
[[nodiscard]] std::optional<MannWhitney>
mann_whitney(std::span<const double> x, std::span<const double> y, RankMethod method);

/// Hodges and Lehmann's shift: the median of all differences y − x, with its interval.
struct Shift {
    double shift = 0;
    struct Bounds {
        std::uint64_t rank = 0; ///< the bounds are this smallest and this largest difference
        double low = 0;
        double high = 0;
        std::optional<double> achieved_confidence{}; ///< exact only
    };
    std::optional<Bounds> bounds{}; ///< nullopt: no interval of that confidence exists
};
/// nullopt when one is empty. Holds |x|·|y| differences in memory.
[[nodiscard]] std::optional<Shift> hodges_lehmann(
    std::span<const double> x, std::span<const double> y, Fraction confidence, RankMethod method
);

} // namespace oa_stream::measure
