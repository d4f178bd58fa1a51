#include "ranks.hpp"

#include "oa_stream/measure/proportion.hpp"

#include <boost/multiprecision/cpp_int.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace oa_stream::measure {
namespace {

using Big = boost::multiprecision::cpp_int;

/// How many orderings of m and n distinct values have U = u, for each u: the coefficients of the
/// Gaussian binomial, ∏ (1 − q^(n+i)) / (1 − q^i).
std::vector<Big> orderings(std::size_t m, std::size_t n) {
    std::vector<Big> out(m * n + 1);
    out[0] = 1;
    for (std::size_t i = 1; i <= m; ++i) {
        for (std::size_t u = out.size(); u-- > n + i;) {
            out[u] -= out[u - n - i];
        }
        for (std::size_t u = i; u < out.size(); ++u) {
            out[u] += out[u - i];
        }
    }
    return out;
}

Big sum(const std::vector<Big>& counts, std::size_t from) {
    Big out = 0;
    for (std::size_t u = from; u < counts.size(); ++u) {
        out += counts[u];
    }
    return out;
}

double share(const Big& part, const Big& whole) {
    using Wide = boost::multiprecision::cpp_rational;
    return static_cast<double>(Wide(part, whole));
}

/// P(U ≥ u) without ties.
class ExactTail {
public:
    ExactTail(std::size_t m, std::size_t n) : counts_(orderings(m, n)), total_(sum(counts_, 0)) {}
    [[nodiscard]] double operator()(double u) const {
        return share(sum(counts_, static_cast<std::size_t>(std::floor(u))), total_);
    }

private:
    std::vector<Big> counts_;
    Big total_;
};

/// P(U ≥ u) by the normal distribution.
class NormalTail {
public:
    NormalTail(double m, double n, double ties) : mean_(m * n / 2) {
        const double all = m + n;
        deviation_ = std::sqrt(m * n / 12 * ((all + 1) - ties / (all * (all - 1))));
    }
    [[nodiscard]] double operator()(double u) const {
        const double z = (u - mean_ - 0.5) / deviation_;
        return std::isnan(z) ? 1 : std::erfc(z / std::numbers::sqrt2) / 2;
    }

private:
    double mean_;
    double deviation_ = 0;
};

/// Σ (t³ − t) over groups of equal values.
double tie_term(std::span<const double> x, std::span<const double> y) {
    std::vector<double> all(x.begin(), x.end());
    all.insert(all.end(), y.begin(), y.end());
    std::ranges::sort(all);
    double out = 0;
    for (auto at = all.begin(); at != all.end();) {
        const auto end = std::upper_bound(at, all.end(), *at);
        const auto t = static_cast<double>(end - at);
        out += t * t * t - t;
        at = end;
    }
    return out;
}

double pairs_above(std::span<const double> x, std::span<const double> y) {
    double out = 0;
    for (const double a : x) {
        for (const double b : y) {
            out += a > b ? 1 : a == b ? 0.5 : 0;
        }
    }
    return out;
}

template <class Tail> void tails_into(MannWhitney& out, const Tail& tail) {
    out.p_greater = std::min(1.0, tail(out.u1));
    out.p_less = std::min(1.0, tail(out.u2));
    out.p_two_sided = std::min(1.0, 2 * tail(std::max(out.u1, out.u2)));
}

/// The largest C with 2 P(U ≤ C − 1) ≤ 1 − confidence, in whole numbers.
std::uint64_t
exact_rank(std::size_t m, std::size_t n, Fraction confidence, std::optional<double>& achieved) {
    const auto counts = orderings(m, n);
    const Big total = sum(counts, 0);
    const Big allowed = total * Big(confidence.den - confidence.num);
    Big below = 0;
    std::uint64_t rank = 0;
    while (rank < counts.size() && 2 * (below + counts[rank]) * confidence.den <= allowed) {
        below += counts[rank++];
    }
    achieved = share(total - 2 * below, total);
    return rank;
}

std::uint64_t asymptotic_rank(double m, double n, double confidence) {
    const double z = normal_quantile(confidence, Side::two);
    const double rank = std::floor(m * n / 2 - z * std::sqrt(m * n * (m + n + 1) / 12));
    return rank < 1 ? 0 : static_cast<std::uint64_t>(rank);
}

} // namespace

std::optional<MannWhitney>
mann_whitney(std::span<const double> x, std::span<const double> y, RankMethod method) {
    if (x.empty() || y.empty()) {
        return std::nullopt;
    }
    MannWhitney out;
    out.u1 = pairs_above(x, y);
    out.u2 = static_cast<double>(x.size()) * static_cast<double>(y.size()) - out.u1;
    if (method == RankMethod::exact) {
        tails_into(out, ExactTail(x.size(), y.size()));
    } else {
        const auto m = static_cast<double>(x.size());
        tails_into(out, NormalTail(m, static_cast<double>(y.size()), tie_term(x, y)));
    }
    return out;
}

std::optional<Shift> hodges_lehmann(
    std::span<const double> x, std::span<const double> y, Fraction confidence, RankMethod method
) {
    if (x.empty() || y.empty()) {
        return std::nullopt;
    }
    std::vector<double> differences;
    differences.reserve(x.size() * y.size());
    for (const double a : x) {
        for (const double b : y) {
            differences.push_back(b - a);
        }
    }
    std::ranges::sort(differences);
    const std::size_t n = differences.size();
    Shift out{.shift = (differences[(n - 1) / 2] + differences[n / 2]) / 2};
    Shift::Bounds bounds;
    bounds.rank =
        method == RankMethod::exact
            ? exact_rank(x.size(), y.size(), confidence, bounds.achieved_confidence)
            : asymptotic_rank(
                  static_cast<double>(x.size()), static_cast<double>(y.size()), confidence.value()
              );
    if (bounds.rank > 0) {
        bounds.low = differences[bounds.rank - 1];
        bounds.high = differences[n - bounds.rank];
        out.bounds = bounds;
    }
    return out;
}

} // namespace oa_stream::measure
