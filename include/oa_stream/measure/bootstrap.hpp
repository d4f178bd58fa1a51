// Seeded percentile bootstrap for quantiles and their ratio.
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
    std::uint64_t seed = 1; ///< the same samples and seed give the same interval, everywhere
    int resamples = 2000;
};

struct Estimate {
    double point = 0;
    Interval interval{};
};

/// The q-quantile (nearest rank) of `x`. nullopt for no data.
[[nodiscard]] std::optional<Estimate>
bootstrap_quantile(std::span<const double> x, Fraction q, const BootstrapOptions& options);

/// q-quantile of `y` ÷ q-quantile of `x`, both resampled independently. +Inf values are allowed
/// (a request without an answer); a resample in which `x` is infinite or 0 counts as ratio +Inf for
/// the upper and 0 for the lower bound: it proves nothing. nullopt when one is empty.
[[nodiscard]] std::optional<Estimate> bootstrap_quantile_ratio(
    std::span<const double> x,
    std::span<const double> y,
    Fraction q,
    const BootstrapOptions& options
);

} // namespace oa_stream::measure
