#include "oa_stream/measure/quantile.hpp"

#include <boost/math/special_functions/beta.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace oa_stream::measure {
namespace {

// A confidence that is met exactly (n = 1, p = 0.95 at 95 %) must not fail by one rounding.
constexpr double k_rounding = 1e-12;

/// P(Bin(n, p) ≤ k)
double binomial_cdf(std::uint64_t n, double p, std::uint64_t k) {
    if (k >= n) {
        return 1;
    }
    return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p);
}

} // namespace

std::uint64_t nearest_rank(std::uint64_t n, Fraction q) noexcept {
    // 128 bits: n · num may exceed 64.
    const auto product = static_cast<unsigned __int128>(n) * q.num;
    const auto rank = static_cast<std::uint64_t>((product + q.den - 1) / q.den);
    return std::clamp<std::uint64_t>(rank, 1, n);
}

double quantile_sorted(std::span<const double> sorted, Fraction q) noexcept {
    return sorted[nearest_rank(sorted.size(), q) - 1];
}

double quantile_type7(std::span<const double> sorted, Fraction q) noexcept {
    const auto product = static_cast<unsigned __int128>(sorted.size() - 1) * q.num;
    const auto at = static_cast<std::size_t>(product / q.den);
    const auto rest = static_cast<std::uint64_t>(product % q.den);
    if (rest == 0 || at + 1 >= sorted.size() || sorted[at] == sorted[at + 1]) {
        return sorted[std::min(at, sorted.size() - 1)]; // also keeps +Inf − +Inf out
    }
    const double share = static_cast<double>(rest) / static_cast<double>(q.den);
    return sorted[at] + share * (sorted[at + 1] - sorted[at]);
}

std::optional<RankBound> upper_rank(std::uint64_t n, Fraction p, double confidence) {
    const auto coverage = [&](std::uint64_t r) { return binomial_cdf(n, p.value(), r - 1); };
    if (n == 0 || coverage(n) < confidence - k_rounding) {
        return std::nullopt;
    }
    std::uint64_t low = 1;
    std::uint64_t high = n;
    while (low < high) {
        const std::uint64_t middle = std::midpoint(low, high);
        if (coverage(middle) >= confidence - k_rounding) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return RankBound{high, coverage(high)};
}

std::optional<RankBound> lower_rank(std::uint64_t n, Fraction p, double confidence) {
    const auto coverage = [&](std::uint64_t r) { return 1 - binomial_cdf(n, p.value(), r - 1); };
    if (n == 0 || coverage(1) < confidence - k_rounding) {
        return std::nullopt;
    }
    std::uint64_t low = 1;
    std::uint64_t high = n;
    while (low < high) {
        const std::uint64_t middle = low + (high - low + 1) / 2;
        if (coverage(middle) >= confidence - k_rounding) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return RankBound{low, coverage(low)};
}

std::uint64_t needed_for_upper_rank(Fraction p, double confidence) {
    // 1 − pⁿ ≥ confidence; the logarithm may be off by one at an exact boundary.
    auto n = static_cast<std::uint64_t>(std::log1p(-confidence) / std::log(p.value()));
    while (!upper_rank(n, p, confidence)) {
        ++n;
    }
    return n;
}

} // namespace oa_stream::measure
