#include "oa_stream/measure/quantile.hpp"

#include "oa_stream/measure/proportion.hpp"

#include <boost/math/special_functions/beta.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace oa_stream::measure {
namespace {

// A confidence that is met exactly (n = 1, p = 0.95 at 95 %) must not fail by a rounding error.
constexpr double k_rounding = 1e-12;

/// P(Bin(n, p) ≤ k), for a k below n.
double binomial_cdf(std::uint64_t n, double p, std::uint64_t k) {
    return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p);
}

bool has_upper_rank(std::uint64_t n, Fraction p, double confidence) {
    return n > 0 && binomial_cdf(n, p.value(), n - 1) >= confidence - k_rounding;
}

/// Approximate position of the `share`-quantile of Bin(n, p), within [1, n].
std::uint64_t likely_rank(std::uint64_t n, Fraction p, double share) {
    const double mean = static_cast<double>(n) * p.value();
    const double spread = std::sqrt(mean * (1 - p.value()));
    const double z =
        share > 0.5 ? normal_quantile(share, Side::one) : -normal_quantile(1 - share, Side::one);
    const double at = std::clamp(mean + z * spread, 1.0, static_cast<double>(n));
    return static_cast<std::uint64_t>(at);
}

/// The smallest r in [1, last] for which `is` holds; it must hold at `last` and be monotonic. Steps
/// away from `guess` in growing strides before bisecting, so a good guess needs few calls.
template <class Predicate>
std::uint64_t first_true(std::uint64_t last, std::uint64_t guess, const Predicate& is) {
    std::uint64_t low = 1; // everything below is false
    std::uint64_t high = last; // true
    std::uint64_t stride = 1;
    std::uint64_t at = std::clamp<std::uint64_t>(guess, low, high);
    while (low < high) {
        if (at < high && !is(at)) {
            low = at + 1;
            at = at + stride < high ? at + stride : std::midpoint(low, high);
        } else if (at < high) {
            high = at;
            at = at > low + stride ? at - stride : std::midpoint(low, high);
        } else {
            at = std::midpoint(low, high);
        }
        at = std::clamp(at, low, high);
        stride *= 2;
        if (stride >= high - low) {
            at = std::midpoint(low, high);
        }
    }
    return high;
}

} // namespace

std::uint64_t nearest_rank(std::uint64_t n, Fraction q) noexcept {
    // 128 bits, because n · num may exceed 64.
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
        return sorted[std::min(at, sorted.size() - 1)]; // also avoids +Inf − +Inf
    }
    const double share = static_cast<double>(rest) / static_cast<double>(q.den);
    return sorted[at] + share * (sorted[at + 1] - sorted[at]);
}

std::optional<RankBound> upper_rank(std::uint64_t n, Fraction p, double confidence) {
    if (!has_upper_rank(n, p, confidence)) {
        return std::nullopt;
    }
    const auto coverage = [&](std::uint64_t r) { return binomial_cdf(n, p.value(), r - 1); };
    const auto holds = [&](std::uint64_t r) { return coverage(r) >= confidence - k_rounding; };
    const std::uint64_t rank = first_true(n, likely_rank(n, p, confidence), holds);
    return RankBound{rank, coverage(rank)};
}

std::optional<RankBound> lower_rank(std::uint64_t n, Fraction p, double confidence) {
    const auto coverage = [&](std::uint64_t r) { return 1 - binomial_cdf(n, p.value(), r - 1); };
    if (n == 0 || coverage(1) < confidence - k_rounding) {
        return std::nullopt;
    }
    const auto fails = [&](std::uint64_t r) {
        return r > n || coverage(r) < confidence - k_rounding;
    };
    const std::uint64_t rank = first_true(n + 1, likely_rank(n, p, 1 - confidence), fails) - 1;
    return RankBound{rank, coverage(rank)};
}

std::uint64_t needed_for_upper_rank(Fraction p, double confidence) {
    // 1 − pⁿ ≥ confidence; the logarithm may be off by one at an exact boundary.
    auto n = static_cast<std::uint64_t>(std::log1p(-confidence) / std::log(p.value()));
    while (!has_upper_rank(n, p, confidence)) {
        ++n;
    }
    return n;
}

} // namespace oa_stream::measure
