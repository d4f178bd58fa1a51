#include "oa_stream/measure/bootstrap.hpp"

#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <boost/math/special_functions/beta.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
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
    /// Uniform in [0, 1).
    [[nodiscard]] double unit() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

private:
    std::uint64_t state_;
};

class Resampler {
public:
    Resampler() = default;
    Resampler(const Resampler&) = delete;
    Resampler& operator=(const Resampler&) = delete;
    virtual ~Resampler() = default;
    [[nodiscard]] virtual double draw(Random& random) = 0; ///< of one resample
    [[nodiscard]] virtual double point() const = 0;        ///< of the values themselves
};

// Draws beyond this chance are taken for the nearest drawn one.
constexpr double k_never = 1e-9;

// A table of chances needs no 80-bit arithmetic, which takes twice the time.
using Plain = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

std::vector<double> ascending(std::span<const double> values) {
    std::vector<double> out(values.begin(), values.end());
    if (!std::ranges::is_sorted(out)) {
        std::ranges::sort(out);
    }
    return out;
}

/// The r-th smallest of n values drawn with replacement from n sorted ones is the value at
/// ⌊n·B⌋, B ~ Beta(r, n − r + 1): one draw instead of n, and the very same distribution.
class QuantileResampler final : public Resampler {
public:
    QuantileResampler(std::span<const double> values, Fraction q)
        : sorted_(ascending(values)), rank_(nearest_rank(values.size(), q) - 1) {
        first_ = rank_;
        while (first_ > 0 && reached(first_ - 1) > k_never) {
            --first_;
        }
        for (std::size_t at = first_; at < sorted_.size(); ++at) {
            table_.push_back(reached(at));
            if (table_.back() >= 1 - k_never) {
                break;
            }
        }
    }
    [[nodiscard]] double draw(Random& random) override {
        const auto found = std::ranges::upper_bound(table_, random.unit());
        const auto step = static_cast<std::size_t>(found - table_.begin());
        return sorted_[first_ + std::min(step, table_.size() - 1)];
    }
    [[nodiscard]] double point() const override { return sorted_[rank_]; }

private:
    /// P(the drawn index is at most `at`)
    [[nodiscard]] double reached(std::size_t at) const {
        const auto n = static_cast<double>(sorted_.size());
        const auto r = static_cast<double>(rank_ + 1);
        const double share = static_cast<double>(at + 1) / n;
        return share >= 1 ? 1 : boost::math::ibeta(r, n - r + 1, share, Plain());
    }

    std::vector<double> sorted_;
    std::size_t rank_;
    std::size_t first_ = 0;
    std::vector<double> table_{};
};

class MeanResampler final : public Resampler {
public:
    explicit MeanResampler(std::span<const double> values) : values_(values) {}
    [[nodiscard]] double draw(Random& random) override {
        double sum = 0;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            sum += values_[random.below(values_.size())];
        }
        return sum / static_cast<double>(values_.size());
    }
    [[nodiscard]] double point() const override {
        return std::accumulate(values_.begin(), values_.end(), 0.0) /
               static_cast<double>(values_.size());
    }

private:
    std::span<const double> values_;
};

class MedianResampler final : public Resampler {
public:
    explicit MedianResampler(std::span<const double> values)
        : values_(values), scratch_(values.size()) {}
    [[nodiscard]] double draw(Random& random) override {
        for (double& slot : scratch_) {
            slot = values_[random.below(values_.size())];
        }
        std::ranges::sort(scratch_);
        return quantile_type7(scratch_, {1, 2});
    }
    [[nodiscard]] double point() const override {
        return quantile_type7(ascending(values_), {1, 2});
    }

private:
    std::span<const double> values_;
    std::vector<double> scratch_;
};

/// `values` must not be empty and outlives the result.
std::unique_ptr<Resampler> quantile_resampler(std::span<const double> values, Fraction q) {
    return std::make_unique<QuantileResampler>(values, q);
}
std::unique_ptr<Resampler> mean_resampler(std::span<const double> values) {
    return std::make_unique<MeanResampler>(values);
}
std::unique_ptr<Resampler> median_resampler(std::span<const double> values) {
    return std::make_unique<MedianResampler>(values);
}

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
    if (below == above) { // also keeps +Inf − +Inf out
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
