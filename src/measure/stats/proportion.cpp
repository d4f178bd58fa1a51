#include "oa_stream/measure/proportion.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace oa_stream::measure {
namespace {

/// ln(n!). Uses lgamma_r, because std::lgamma writes a global.
double log_factorial(std::uint64_t n) {
    int sign = 0;
    return ::lgamma_r(static_cast<double>(n) + 1, &sign);
}

double log_choose(std::uint64_t n, std::uint64_t k) {
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/// P(table with `a` in the corner) when the margins are fixed.
double hypergeometric(std::uint64_t a, std::uint64_t row, std::uint64_t column, std::uint64_t n) {
    const double logarithm =
        log_choose(column, a) + log_choose(n - column, row - a) - log_choose(n, row);
    return std::exp(logarithm);
}

Interval wilson_with_z(Counts counts, double z) {
    const auto n = static_cast<double>(counts.total);
    const double p = counts.rate();
    const double z2 = z * z;
    const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    Interval out{std::max(0.0, centre - half), std::min(1.0, centre + half)};
    // At the edges the bound is exactly 0 or 1, which the subtraction of equal numbers would miss.
    if (counts.bad == 0) {
        out.low = 0;
    }
    if (counts.bad == counts.total) {
        out.high = 1;
    }
    return out;
}

} // namespace

double normal_quantile(double confidence, Side side) {
    const double tail_argument = side == Side::two ? confidence : 2 * confidence - 1;
    return std::numbers::sqrt2 * boost::math::erf_inv(tail_argument);
}

std::optional<Interval> wilson(Counts counts, double confidence, Side side) {
    if (counts.total == 0) {
        return std::nullopt;
    }
    return wilson_with_z(counts, normal_quantile(confidence, side));
}

std::optional<Interval> newcombe_difference(Counts a, Counts b, double confidence, Side side) {
    if (a.total == 0 || b.total == 0) {
        return std::nullopt;
    }
    const double z = normal_quantile(confidence, side);
    const Interval ia = wilson_with_z(a, z);
    const Interval ib = wilson_with_z(b, z);
    const double diff = a.rate() - b.rate();
    return Interval{
        diff - std::hypot(a.rate() - ia.low, ib.high - b.rate()),
        diff + std::hypot(ia.high - a.rate(), b.rate() - ib.low),
    };
}

std::optional<Interval> clopper_pearson(Counts counts, double confidence, Tail tail) {
    if (counts.total == 0) {
        return std::nullopt;
    }
    const double error = tail == Tail::two ? (1 - confidence) / 2 : 1 - confidence;
    const auto bad = static_cast<double>(counts.bad);
    const auto good = static_cast<double>(counts.total - counts.bad);
    Interval out{0, 1};
    if (counts.bad > 0 && tail != Tail::upper) {
        out.low = boost::math::ibeta_inv(bad, good + 1, error);
    }
    if (counts.bad < counts.total && tail != Tail::lower) {
        out.high = boost::math::ibetac_inv(bad + 1, good, error);
    }
    return out;
}

std::optional<Interval> exact_bounds(Counts counts, double confidence) {
    const auto low = clopper_pearson(counts, confidence, Tail::lower);
    const auto high = clopper_pearson(counts, confidence, Tail::upper);
    return low && high ? std::optional(Interval{low->low, high->high}) : std::nullopt;
}

double fisher_greater(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    const std::uint64_t row = a + b;
    const std::uint64_t column = a + c;
    double out = 0;
    for (std::uint64_t x = a; x <= std::min(row, column); ++x) {
        out += hypergeometric(x, row, column, a + b + c + d);
    }
    return std::min(1.0, out);
}

std::optional<std::uint64_t> needed_for_limit(std::uint64_t bad, double limit, double confidence) {
    if (!(limit > 0 && limit < 1)) {
        return std::nullopt;
    }
    const auto proves = [&](std::uint64_t n) {
        return clopper_pearson({bad, n}, confidence, Tail::upper)->high <= limit;
    };
    // unlimited: the bound falls with n
    constexpr auto k_any = std::numeric_limits<std::uint64_t>::max();
    return smallest(std::max<std::uint64_t>(bad, 1), k_any, proves);
}

} // namespace oa_stream::measure
