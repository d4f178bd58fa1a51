#include "oa_stream/measure/bootstrap.hpp"

#include "oa_stream/measure/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace oa_stream::measure {
namespace {

/// splitmix64: four lines, and the same numbers on every platform (std's distributions are not).
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    /// Uniform in [0, n).
    [[nodiscard]] std::size_t below(std::size_t n) {
        return static_cast<std::size_t>((static_cast<unsigned __int128>(next()) * n) >> 64U);
    }

private:
    std::uint64_t state_;
};

/// Draws resamples of one set of values and tells the quantile of each.
class Resampler {
public:
    Resampler(std::span<const double> values, Fraction q)
        : values_(values), scratch_(values.size()), rank_(nearest_rank(values.size(), q) - 1) {}

    [[nodiscard]] double draw(Random& random) {
        for (double& slot : scratch_) {
            slot = values_[random.below(values_.size())];
        }
        const auto middle = scratch_.begin() + static_cast<std::ptrdiff_t>(rank_);
        std::ranges::nth_element(scratch_, middle);
        return *middle;
    }
    [[nodiscard]] double point() {
        std::vector<double> sorted(values_.begin(), values_.end());
        std::ranges::sort(sorted);
        return sorted[rank_];
    }

private:
    std::span<const double> values_;
    std::vector<double> scratch_;
    std::size_t rank_;
};

double tail_of(const BootstrapOptions& options) {
    return options.side == Side::two ? (1 - options.confidence) / 2 : 1 - options.confidence;
}

/// The value below which `share` of the resamples lie.
double percentile(std::vector<double>& values, double share) {
    std::ranges::sort(values);
    const auto last = static_cast<double>(values.size() - 1);
    const double at = share * last;
    const auto low = static_cast<std::size_t>(std::floor(at));
    const auto high = static_cast<std::size_t>(std::ceil(at));
    if (values[low] == values[high]) { // also keeps +Inf − +Inf out
        return values[low];
    }
    return values[low] + (values[high] - values[low]) * (at - std::floor(at));
}

} // namespace

std::optional<Estimate>
bootstrap_quantile(std::span<const double> x, Fraction q, const BootstrapOptions& options) {
    if (x.empty()) {
        return std::nullopt;
    }
    Random random(options.seed);
    Resampler resampler(x, q);
    std::vector<double> drawn(static_cast<std::size_t>(options.resamples));
    std::ranges::generate(drawn, [&] { return resampler.draw(random); });
    const double tail = tail_of(options);
    return Estimate{resampler.point(), {percentile(drawn, tail), percentile(drawn, 1 - tail)}};
}

std::optional<Estimate> bootstrap_quantile_ratio(
    std::span<const double> x,
    std::span<const double> y,
    Fraction q,
    const BootstrapOptions& options
) {
    if (x.empty() || y.empty()) {
        return std::nullopt;
    }
    constexpr double k_infinite = std::numeric_limits<double>::infinity();
    Random random(options.seed);
    Resampler below(x, q);
    Resampler above(y, q);
    std::vector<double> lows;
    std::vector<double> highs;
    for (int i = 0; i < options.resamples; ++i) {
        const double reference = below.draw(random);
        const double value = above.draw(random);
        const bool usable = reference > 0 && std::isfinite(reference);
        lows.push_back(usable ? value / reference : 0);
        highs.push_back(usable ? value / reference : k_infinite);
    }
    const double tail = tail_of(options);
    const double reference = below.point();
    const double point = reference > 0 && std::isfinite(reference)
                             ? above.point() / reference
                             : std::numeric_limits<double>::quiet_NaN();
    return Estimate{point, {percentile(lows, tail), percentile(highs, 1 - tail)}};
}

} // namespace oa_stream::measure
