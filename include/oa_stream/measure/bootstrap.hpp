// Seeded percentile bootstrap of a mean, a median or a quantile, of one sample or comparing two.
#pragma once

#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace oa_stream::measure {

struct BootstrapOptions {
    double confidence = 0.95;
    Side side = Side::two;
    std::uint64_t seed = 1; ///< the same samples and seed give the same interval on every platform
    int resamples = 2000;
};

struct Estimate {
    double point = 0;
    Interval interval{};
};

/// q-quantile of `y` ÷ q-quantile of `x`, each resampled independently. +Inf values are allowed (a
/// request without an answer). A resample in which `x` is infinite or 0 proves nothing: it counts
/// as ratio +Inf for the upper bound and 0 for the lower. nullopt when `x` or `y` is empty.
[[nodiscard]] std::optional<Estimate> bootstrap_quantile_ratio(
    std::span<const double> x,
    std::span<const double> y,
    Fraction q,
    const BootstrapOptions& options
);

enum class Statistic {
    mean,
    median, ///< mean of the two middle values when there is an even number
    p95, ///< nearest rank
};
enum class Contrast { difference, ratio }; ///< y − x, y ÷ x

/// Estimates the statistic of `x`. nullopt for no data.
[[nodiscard]] std::optional<Estimate> bootstrap_statistic(
    std::span<const double> x, Statistic statistic, const BootstrapOptions& options
);
/// The contrast of the statistics of `y` and `x`, each resampled independently; a ratio as in
/// bootstrap_quantile_ratio. nullopt when `x` or `y` is empty.
[[nodiscard]] std::optional<Estimate> bootstrap_contrast(
    std::span<const double> x,
    std::span<const double> y,
    Statistic statistic,
    Contrast contrast,
    const BootstrapOptions& options
);

} // namespace oa_stream::measure
