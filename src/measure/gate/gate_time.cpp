// Gates on the 95th percentile of the time to the first content.
#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "gate_judge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace oa_stream::measure {
namespace {

constexpr double k_infinite = std::numeric_limits<double>::infinity();

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

/// Bounds of the p95, each holding with `confidence`. Distribution-free and exact.
Interval p95_bounds(const Tally& tally, double confidence) {
    const auto low = lower_rank(tally.timed(), k_p95, confidence);
    const auto high = upper_rank(tally.timed(), k_p95, confidence);
    return {
        low ? at_rank(tally, low->rank).low : -k_infinite,
        high ? at_rank(tally, high->rank).high : k_infinite,
    };
}

/// The p95 itself; interpolated when there are but buckets.
double p95_of(const Tally& tally) {
    return tally.buckets.empty() ? quantile_sorted(tally.first_content_s, k_p95)
                                 : histogram_quantile(k_p95.value(), tally.buckets).value_or(0);
}

void p95_absolute(GateRecord& record, const Tally& canary) {
    record.value = record.measured = p95_of(canary);
    const Interval bounds = p95_bounds(canary, record.confidence);
    decide(record, bounds);
    const std::uint64_t need = needed_for_upper_rank(k_p95, record.confidence);
    if (record.verdict == Verdict::inconclusive && record.n < need) {
        record.rule = record.look.interim ? rule::k_interim : rule::k_too_few;
        record.needs_n = need;
    }
}

double ratio_of(double canary, double stable, double unknown) {
    return stable > 0 && std::isfinite(stable) ? canary / stable : unknown;
}

/// Canary's bound over stable's opposite one, each with half of the error: holds whatever the
/// distributions are, needs more data than a bootstrap, and works on buckets and at confidences
/// that no resampling resolves.
Interval rank_ratio(const Arms& arms, double confidence) {
    const double each = (1 + confidence) / 2;
    const Interval canary = p95_bounds(arms.canary, each);
    const Interval stable = p95_bounds(arms.stable, each);
    return {
        ratio_of(canary.low, stable.high, -k_infinite),
        ratio_of(canary.high, stable.low, k_infinite),
    };
}

std::optional<Interval> ratio_bounds(const GateRecord& record, const Arms& arms) {
    const bool raw = arms.canary.buckets.empty() && arms.stable.buckets.empty();
    if (record.look.interim || !raw) {
        return rank_ratio(arms, record.confidence);
    }
    const auto ratio = bootstrap_quantile_ratio(
        arms.stable.first_content_s,
        arms.canary.first_content_s,
        k_p95,
        {.confidence = record.confidence, .side = Side::one, .seed = arms.seed}
    );
    return ratio ? std::optional(ratio->interval) : std::nullopt;
}

void p95_versus(GateRecord& record, const Arms& arms) {
    const double measured = p95_of(arms.canary);
    const double reference = p95_of(arms.stable);
    record.measured = measured;
    record.reference = reference;
    const std::uint64_t need = needed_for_upper_rank(k_p95, record.confidence);
    const std::uint64_t fewer = std::min(record.n, record.reference_n);
    if (fewer < need) {
        // A resampled tail of so few values never reaches beyond the largest one seen.
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
    record.value = measured / reference - 1;
    decide(record, {ratio->low - 1, ratio->high - 1});
    if (record.verdict == Verdict::inconclusive && !record.needs_n) {
        record.needs_n = scaled_need(record, fewer);
    }
}

} // namespace

void measure_p95(GateRecord& record, const Arms& arms) {
    record.n = arms.canary.timed();
    const bool versus = record.spec.against == Against::stable;
    record.reference_n = versus ? arms.stable.timed() : 0;
    if (record.n == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_canary);
        record.needs_n = needed_for_upper_rank(k_p95, record.confidence);
    } else if (!versus) {
        p95_absolute(record, arms.canary);
    } else if (record.reference_n == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_stable);
        record.needs_n = needed_for_upper_rank(k_p95, record.confidence);
    } else {
        p95_versus(record, arms);
    }
}

} // namespace oa_stream::measure
