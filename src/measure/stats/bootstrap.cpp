#include "oa_stream/measure/bootstrap.hpp"

#include "oa_stream/measure/buckets.hpp"

#include "resample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace oa_stream::measure {
namespace {

double tail_of(const BootstrapOptions& options) {
    return options.side == Side::two ? (1 - options.confidence) / 2 : 1 - options.confidence;
}

/// The value below which `share` of the resamples lie.
double percentile(std::vector<double>& values, double share) {
    const auto last = static_cast<double>(values.size() - 1);
    const double at = share * last;
    const auto low = static_cast<std::ptrdiff_t>(std::floor(at));
    std::ranges::nth_element(values, values.begin() + low);
    const double below = values[static_cast<std::size_t>(low)];
    if (at == std::floor(at)) {
        return below;
    }
    const double above = *std::min_element(values.begin() + low + 1, values.end());
    if (below == above) { // also avoids +Inf − +Inf
        return below;
    }
    return below + (above - below) * (at - std::floor(at));
}

Estimate alone(Resampler& x, const BootstrapOptions& options) {
    Random random(options.seed);
    std::vector<double> drawn(static_cast<std::size_t>(options.resamples));
    std::ranges::generate(drawn, [&] { return x.draw(random); });
    const double tail = tail_of(options);
    return {x.point(), {percentile(drawn, tail), percentile(drawn, 1 - tail)}};
}

Estimate difference(Resampler& x, Resampler& y, const BootstrapOptions& options) {
    Random random(options.seed);
    std::vector<double> drawn;
    for (int i = 0; i < options.resamples; ++i) {
        const double reference = x.draw(random);
        drawn.push_back(y.draw(random) - reference);
    }
    const double tail = tail_of(options);
    return {y.point() - x.point(), {percentile(drawn, tail), percentile(drawn, 1 - tail)}};
}

Estimate ratio(Resampler& x, Resampler& y, const BootstrapOptions& options) {
    Random random(options.seed);
    std::vector<double> lows;
    std::vector<double> highs;
    for (int i = 0; i < options.resamples; ++i) {
        const double reference = x.draw(random);
        const double value = y.draw(random);
        const bool usable = reference > 0 && std::isfinite(reference);
        lows.push_back(usable ? value / reference : 0);
        highs.push_back(usable ? value / reference : k_infinite);
    }
    const double tail = tail_of(options);
    const double reference = x.point();
    const double point = reference > 0 && std::isfinite(reference)
                             ? y.point() / reference
                             : std::numeric_limits<double>::quiet_NaN();
    return {point, {percentile(lows, tail), percentile(highs, 1 - tail)}};
}

std::unique_ptr<Resampler> resampler(std::span<const double> values, Statistic statistic) {
    switch (statistic) {
    case Statistic::mean:
        return mean_resampler(values);
    case Statistic::median:
        return median_resampler(values);
    case Statistic::p95:
        break;
    }
    return quantile_resampler(values, k_p95);
}

} // namespace

std::optional<Estimate> bootstrap_quantile_ratio(
    std::span<const double> x,
    std::span<const double> y,
    Fraction q,
    const BootstrapOptions& options
) {
    if (x.empty() || y.empty()) {
        return std::nullopt;
    }
    return ratio(*quantile_resampler(x, q), *quantile_resampler(y, q), options);
}

std::optional<Estimate> bootstrap_statistic(
    std::span<const double> x, Statistic statistic, const BootstrapOptions& options
) {
    if (x.empty()) {
        return std::nullopt;
    }
    return alone(*resampler(x, statistic), options);
}

std::optional<Estimate> bootstrap_contrast(
    std::span<const double> x,
    std::span<const double> y,
    Statistic statistic,
    Contrast contrast,
    const BootstrapOptions& options
) {
    if (x.empty() || y.empty()) {
        return std::nullopt;
    }
    const auto below = resampler(x, statistic);
    const auto above = resampler(y, statistic);
    return contrast == Contrast::ratio ? ratio(*below, *above, options)
                                       : difference(*below, *above, options);
}

} // namespace oa_stream::measure
