// Gates on a quantile of a time of each request.
#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "gate_judge.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace oa_stream::measure {
namespace {

/// The `rank`-th smallest time: exactly, or between the edges of its bucket.
Interval at_rank(const Tally& tally, std::uint64_t rank) {
    if (tally.buckets.empty()) {
        const double value = tally.first_content_s[rank - 1];
        return {value, value};
    }
    const Resolution edges = resolution_of_rank(tally.buckets, static_cast<double>(rank));
    // An observation lies above the lower edge, never on it.
    return {std::nextafter(edges.above, k_infinite), edges.up_to};
}

/// Bounds of the quantile, each holding with `confidence`. Distribution-free and exact.
Interval bounds_of(const Tally& tally, Fraction q, double confidence) {
    const auto low = lower_rank(tally.timed(), q, confidence);
    const auto high = upper_rank(tally.timed(), q, confidence);
    return {
        low ? at_rank(tally, low->rank).low : -k_infinite,
        high ? at_rank(tally, high->rank).high : k_infinite,
    };
}

void absolute(GateRecord& record, const Tally& canary) {
    const Fraction q = record.spec.quantile;
    record.value = record.measured = quantile_of(canary, q);
    const Interval bounds = bounds_of(canary, q, record.confidence);
    decide(record, bounds);
    const std::uint64_t need = needed_for_upper_rank(q, record.confidence);
    if (record.verdict == Verdict::inconclusive && record.n < need) {
        record.rule = record.look.interim ? rule::k_interim : rule::k_too_few;
        record.needs_n = need;
    }
}

// One window of twenty with independent times looks at least this uneven.
constexpr double k_uneven_by_chance = 0.05;

/// Counts the times above their own arm's quantile, by stretches of the window of `merged` blocks
/// each.
std::vector<Counts> above(const Tally& tally, Fraction q, std::size_t merged) {
    std::vector<Counts> out(k_blocks / merged);
    const auto n = tally.first_content_s.size();
    const auto rank = static_cast<std::size_t>(std::ceil(q.value() * static_cast<double>(n)));
    for (std::size_t i = 0; i < n; ++i) {
        Counts& block = out[tally.time_blocks[i] / merged];
        ++block.total;
        block.bad += i >= rank ? 1 : 0;
    }
    return out;
}

double uneven(const std::vector<Counts>& a, const std::vector<Counts>& b, double confidence) {
    Counts all;
    for (const auto* arm : {&a, &b}) {
        for (const Counts& block : *arm) {
            all.bad += block.bad;
            all.total += block.total;
        }
    }
    const double p = all.total > 0 ? all.rate() : 0;
    double sum = 0;
    std::size_t used = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].total > 0 && b[i].total > 0) {
            const double each =
                1 / static_cast<double>(a[i].total) + 1 / static_cast<double>(b[i].total);
            const double off = a[i].rate() - b[i].rate();
            sum += off * off / (p * (1 - p) * each);
            ++used;
        }
    }
    if (used < 3 || p <= 0 || p >= 1) {
        return 1;
    }
    const auto free = static_cast<double>(used - 1);
    return boost::math::gamma_q(free / 2, sum / 2) < k_uneven_by_chance
               ? std::max(1.0, unsure_of(sum / free, free, confidence))
               : 1;
}

/// How much more the arms' times drift against each other than independent times would; a drift
/// that both share cancels out. Slow drifts only show between long stretches, so several lengths
/// are tried.
double drift_between(const Arms& arms, Fraction q, double confidence) {
    const auto known = [](const Tally& tally) {
        return !tally.time_blocks.empty() &&
               tally.time_blocks.size() == tally.first_content_s.size();
    };
    double out = 1;
    if (known(arms.canary) && known(arms.stable)) {
        for (const std::size_t merged : std::array<std::size_t, 3>{1, 2, 5}) {
            out = std::max(
                out,
                uneven(above(arms.canary, q, merged), above(arms.stable, q, merged), confidence)
            );
        }
    }
    return out;
}

/// Widens a ratio's interval around `value`, as if the arms had `times` times fewer requests.
Interval widened(Interval of, double value, double times) {
    if (times <= 1 || !(value > 0) || !std::isfinite(value)) {
        return of;
    }
    const double power = std::sqrt(times);
    if (of.low > 0) {
        of.low = value * std::pow(of.low / value, power);
    }
    if (std::isfinite(of.high) && of.high > 0) {
        of.high = value * std::pow(of.high / value, power);
    }
    return of;
}

double ratio_of(double canary, double stable, double unknown) {
    return stable > 0 && std::isfinite(stable) ? canary / stable : unknown;
}

/// The canary's bound over stable's opposite one, each with half of the error. It holds for any
/// distribution, and works on buckets and at confidences that resampling cannot resolve, but needs
/// more data than a bootstrap.
Interval rank_ratio(const GateSpec& spec, const Arms& arms, double confidence) {
    const double each = (1 + confidence) / 2;
    const Interval canary = bounds_of(arms.canary, spec.quantile, each);
    const Interval stable = bounds_of(arms.stable, spec.quantile, each);
    return {
        ratio_of(canary.low, raised_reference(spec, stable.high), -k_infinite),
        ratio_of(canary.high, raised_reference(spec, std::max(0.0, stable.low)), k_infinite),
    };
}

/// Raising times keeps their order, so the quantile of raised times is the raised quantile.
std::optional<Interval> ratio_bounds(const GateRecord& record, const Arms& arms) {
    const GateSpec& spec = record.spec;
    const bool raw = arms.canary.buckets.empty() && arms.stable.buckets.empty();
    if (record.look.interim || !raw) {
        return rank_ratio(spec, arms, record.confidence);
    }
    std::vector<double> stable = arms.stable.first_content_s;
    std::ranges::transform(stable, stable.begin(), [&](double time) {
        return raised_reference(spec, time);
    });
    const auto ratio = bootstrap_quantile_ratio(
        stable,
        arms.canary.first_content_s,
        spec.quantile,
        {.confidence = record.confidence, .side = Side::one, .seed = arms.seed}
    );
    return ratio ? std::optional(ratio->interval) : std::nullopt;
}

void versus(GateRecord& record, const Arms& arms) {
    const GateSpec& spec = record.spec;
    const double measured = quantile_of(arms.canary, spec.quantile);
    const double reference = quantile_of(arms.stable, spec.quantile);
    record.measured = measured;
    record.reference = reference;
    const std::uint64_t need = needed_for_upper_rank(spec.quantile, record.confidence);
    const std::uint64_t fewer = std::min(record.n, record.reference_n);
    if (fewer < need) {
        // A resampled tail of this few values never reaches beyond the largest value seen.
        record.needs_n = need;
        return settle(
            record, Verdict::inconclusive, record.look.interim ? rule::k_interim : rule::k_too_few
        );
    }
    if (!std::isfinite(reference) || reference <= 0) {
        return settle(record, Verdict::inconclusive, rule::k_no_reference);
    }
    const auto ratio = ratio_bounds(record, arms);
    if (!ratio) {
        return settle(record, Verdict::inconclusive, rule::k_no_reference);
    }
    const double value = measured / raised_reference(spec, reference);
    record.value = value - 1;
    const double drift = drift_between(arms, spec.quantile, record.confidence);
    if (drift > 1) {
        record.notes.push_back(fmt::format(
            "the arms' times drift against each other: the interval is as wide as for 1/{:.1f} of "
            "the requests",
            drift
        ));
    }
    const Interval bounds = widened(*ratio, value, drift);
    decide(record, {bounds.low - 1, bounds.high - 1});
    if (record.verdict == Verdict::inconclusive && !record.needs_n) {
        record.needs_n = scaled_need(record, fewer);
    }
}

} // namespace

double quantile_of(const Tally& tally, Fraction q) {
    return tally.buckets.empty() ? quantile_sorted(tally.first_content_s, q)
                                 : histogram_quantile(q.value(), tally.buckets).value_or(0);
}

double raised_reference(const GateSpec& spec, double stable_s) noexcept {
    return std::max(stable_s, (stable_s + spec.unnoticed_s) / (1 + spec.limit));
}

void measure_quantile(GateRecord& record, const Arms& arms) {
    record.n = arms.canary.timed();
    const bool compared = record.spec.against == Against::stable;
    record.reference_n = compared ? arms.stable.timed() : 0;
    if (record.n == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_canary);
        record.needs_n = needed_for_upper_rank(record.spec.quantile, record.confidence);
    } else if (!compared) {
        absolute(record, arms.canary);
    } else if (record.reference_n == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_stable);
        record.needs_n = needed_for_upper_rank(record.spec.quantile, record.confidence);
    } else {
        versus(record, arms);
    }
}

} // namespace oa_stream::measure
