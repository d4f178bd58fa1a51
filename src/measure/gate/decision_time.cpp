#include "oa_stream/measure/decision_time.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <boost/math/special_functions/beta.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace oa_stream::measure {
namespace {

constexpr std::uint64_t k_most = 1'000'000'000;
constexpr double k_z95 = 1.6448536269514722;

struct Forecast {
    const GateSpec& spec;
    const Expectation& now;
    double stable_share; ///< stable samples per canary sample
    double confidence;
    double power;
};

/// P(Bin(n, p) ≤ k)
double at_most(std::uint64_t n, double p, std::uint64_t k) {
    if (p <= 0 || k >= n) {
        return 1;
    }
    return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p);
}

/// The largest number of bad requests with which n requests still prove the limit; nullopt: even
/// zero bad ones do not prove it.
std::optional<std::uint64_t> most_bad(std::uint64_t n, double limit, double confidence) {
    const auto proves = [&](std::uint64_t bad) {
        return clopper_pearson({bad, n}, confidence, Tail::upper)->high <= limit;
    };
    if (!proves(0)) {
        return std::nullopt;
    }
    std::uint64_t low = 0;
    std::uint64_t high = n;
    while (low < high) {
        const std::uint64_t middle = low + (high - low + 1) / 2;
        if (proves(middle)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

std::optional<std::uint64_t> rate_absolute(const Forecast& ask) {
    if (ask.now.bad_rate >= ask.spec.limit) {
        return std::nullopt;
    }
    return smallest(1, k_most, [&](std::uint64_t n) {
        const auto bad = most_bad(n, ask.spec.limit, ask.confidence);
        return bad && at_most(n, ask.now.bad_rate, *bad) >= ask.power;
    });
}

double z_sum(const Forecast& ask) {
    return normal_quantile(ask.confidence, Side::one) + normal_quantile(ask.power, Side::one);
}

std::optional<std::uint64_t> whole(double n) {
    return n < static_cast<double>(k_most) ? std::optional(static_cast<std::uint64_t>(std::ceil(n)))
                                           : std::nullopt;
}

std::optional<std::uint64_t> rate_versus(const Forecast& ask) {
    if (ask.spec.limit <= 0 || ask.stable_share <= 0) {
        return std::nullopt;
    }
    const double p = ask.now.bad_rate;
    const double z = z_sum(ask) / ask.spec.limit;
    const double certain = normal_quantile(ask.confidence, Side::one);
    const double by_chance = z * z * p * (1 - p) * (1 + 1 / ask.stable_share);
    const double without_any = certain * certain * (1 - ask.spec.limit) / ask.spec.limit;
    return whole(by_chance + without_any);
}

double z_of(const GateSpec& spec) {
    return normal_quantile(spec.quantile.value(), Side::one);
}

/// The gate's quantile of lognormal times with known p95 and σ.
double time_now(const Forecast& ask) {
    return ask.now.p95_s.value_or(0) * std::exp((z_of(ask.spec) - k_z95) * ask.now.sigma);
}

/// √(q(1 − q)) / φ(z): the standard error of a lognormal quantile's logarithm is this times
/// σ / √n.
double quantile_error(const GateSpec& spec) {
    const double q = spec.quantile.value();
    const double z = z_of(spec);
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    return std::sqrt(q * (1 - q)) / density;
}

std::optional<std::uint64_t> quantile_absolute(const Forecast& ask) {
    if (!ask.now.p95_s || time_now(ask) >= ask.spec.limit) {
        return std::nullopt;
    }
    const double z = k_z95 + std::log(ask.spec.limit / *ask.now.p95_s) / ask.now.sigma;
    const double above = std::erfc(z / std::numbers::sqrt2) / 2;
    return smallest(1, k_most, [&](std::uint64_t n) {
        const auto rank = upper_rank(n, ask.spec.quantile, ask.confidence);
        return rank && at_most(n, above, n - rank->rank) >= ask.power;
    });
}

std::optional<std::uint64_t> quantile_versus(const Forecast& ask) {
    if (!ask.now.p95_s || ask.spec.limit <= 0 || ask.stable_share <= 0) {
        return std::nullopt;
    }
    // Where stable is fast, the unnoticed rise is larger than the limit.
    const double limit = std::max(ask.spec.limit, ask.spec.unnoticed_s / time_now(ask));
    const double error = z_sum(ask) * quantile_error(ask.spec) * ask.now.sigma / std::log1p(limit);
    const double least =
        static_cast<double>(needed_for_upper_rank(ask.spec.quantile, ask.confidence)) /
        std::min(1.0, ask.stable_share);
    return whole(std::max(least, error * error * (1 + 1 / ask.stable_share)));
}

std::optional<std::uint64_t> needed(const Forecast& ask) {
    const bool versus = ask.spec.against == Against::stable;
    if (ask.spec.metric == Metric::bad_rate) {
        return versus ? rate_versus(ask) : rate_absolute(ask);
    }
    return versus ? quantile_versus(ask) : quantile_absolute(ask);
}

std::string sentence_for(const DecisionTime& out) {
    if (!out.needs_n) {
        return "cannot pass as stable is now, whatever the time";
    }
    if (!out.seconds) {
        return fmt::format(
            "needs {} of the canary, and none come", counted(*out.needs_n, "sample")
        );
    }
    return fmt::format(
        "needs about {} of the canary, {} at this traffic",
        counted(*out.needs_n, "sample"),
        decision_time_text(*out.seconds)
    );
}

} // namespace

std::optional<Expectation> expectation_of(const Tally& stable) {
    if (stable.requests.total == 0) {
        return std::nullopt;
    }
    Expectation out{.bad_rate = stable.requests.rate()};
    const std::vector<double>& times = stable.first_content_s;
    if (times.empty()) {
        return out;
    }
    const double high = quantile_sorted(times, k_p95);
    const double middle = quantile_sorted(times, {1, 2});
    if (std::isfinite(high) && middle > 0) {
        out.p95_s = high;
        out.sigma = std::max(std::log(high / middle) / k_z95, 1e-3);
    }
    return out;
}

DecisionTime time_to_decide(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double power
) {
    const Forecast ask{
        .spec = spec,
        .now = now,
        .stable_share = flow.canary_per_s > 0 ? flow.stable_per_s / flow.canary_per_s : 1,
        .confidence = confidence_of(spec, {.number = 1, .of = looks}),
        .power = power,
    };
    DecisionTime out{.needs_n = needed(ask)};
    if (out.needs_n) {
        out.needs_n =
            std::max(*out.needs_n * (spec.metric == Metric::bad_rate ? spec.clump : 1), spec.min_n);
        if (flow.canary_per_s > 0) {
            out.seconds = static_cast<double>(*out.needs_n) / flow.canary_per_s;
        }
    }
    out.sentence = sentence_for(out);
    return out;
}

std::string decision_time_text(double seconds) {
    constexpr double k_long_s = 600;
    // A foreign plan may hold more seconds than milliseconds can express.
    constexpr double k_longest_s = 1e9;
    const double unit = seconds > k_long_s ? 60 : 1;
    const double up = std::ceil(std::clamp(seconds, 0.0, k_longest_s) / unit) * unit;
    return format_duration(std::chrono::seconds(std::llround(up)));
}

double chance_to_pass(
    const GateSpec& spec, const Expectation& now, const Flow& flow, int looks, double within_s
) {
    const auto passes = [&](double power) {
        const auto seconds = time_to_decide(spec, now, flow, looks, power).seconds;
        return seconds && *seconds <= within_s;
    };
    constexpr double k_least = 0.001;
    if (!passes(k_least)) {
        return 0;
    }
    double low = k_least;
    double high = 1 - k_least;
    if (passes(high)) {
        return high;
    }
    for (int i = 0; i < 20; ++i) {
        const double middle = (low + high) / 2;
        (passes(middle) ? low : high) = middle;
    }
    return low;
}

} // namespace oa_stream::measure
