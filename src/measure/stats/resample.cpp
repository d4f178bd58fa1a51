#include "resample.hpp"

#include "oa_stream/measure/quantile.hpp"

#include <boost/math/special_functions/beta.hpp>

#include <algorithm>
#include <numeric>

namespace oa_stream::measure {
namespace {

// An index with a smaller chance than this is never drawn; the nearest likely one is used.
constexpr double k_never = 1e-9;

// A table of chances needs no 80-bit arithmetic, which takes twice as long.
using Plain = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

std::vector<double> ascending(std::span<const double> values) {
    std::vector<double> out(values.begin(), values.end());
    if (!std::ranges::is_sorted(out)) {
        std::ranges::sort(out);
    }
    return out;
}

/// The r-th smallest of n values drawn with replacement from n sorted ones is the value at ⌊n·B⌋, B
/// ~ Beta(r, n − r + 1): one draw instead of n, with exactly the same distribution.
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

} // namespace

std::unique_ptr<Resampler> quantile_resampler(std::span<const double> values, Fraction q) {
    return std::make_unique<QuantileResampler>(values, q);
}
std::unique_ptr<Resampler> mean_resampler(std::span<const double> values) {
    return std::make_unique<MeanResampler>(values);
}
std::unique_ptr<Resampler> median_resampler(std::span<const double> values) {
    return std::make_unique<MedianResampler>(values);
}

} // namespace oa_stream::measure
