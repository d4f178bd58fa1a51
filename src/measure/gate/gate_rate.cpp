// Gates on shares of bad requests.
#include "gate_judge.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

// Below this expected count in a cell Newcombe's interval is too sure of itself; Fisher decides.
constexpr double k_small_cell = 5;

/// Wilson's bound from below is too sure of itself when bad ones are rare: one bad request of
/// seven would "prove" 1 % at 99.9 %. So a FAIL needs the exact bound as well; a PASS stays with
/// Wilson's from above.
void bad_rate_absolute(GateRecord& record) {
    const Counts counts{record.bad, record.n};
    record.value = record.measured = counts.rate();
    if (auto bounds = wilson(counts, record.confidence, Side::one)) {
        if (bounds->low > record.spec.limit) {
            const auto exact = clopper_pearson(counts, record.confidence, Tail::lower);
            bounds->low = exact ? std::min(bounds->low, exact->low) : 0;
        }
        decide(record, *bounds);
    }
    if (record.verdict == Verdict::inconclusive && !record.needs_n &&
        counts.rate() < record.spec.limit) {
        record.needs_n = needed_for_limit(record.bad, record.spec.limit, record.confidence);
    }
}

bool small_cells(Counts a, Counts b) {
    const double pooled =
        static_cast<double>(a.bad + b.bad) / static_cast<double>(a.total + b.total);
    const auto smallest = static_cast<double>(std::min(a.total, b.total));
    return smallest * pooled < k_small_cell || smallest * (1 - pooled) < k_small_cell;
}

/// The lower bound of the difference put together from exact bounds of both arms.
double exact_low(Counts canary, Counts stable, double confidence) {
    const auto below = clopper_pearson(canary, confidence, Tail::lower);
    const auto above = clopper_pearson(stable, confidence, Tail::upper);
    if (!below || !above) {
        return -1;
    }
    return canary.rate() - stable.rate() -
           std::hypot(canary.rate() - below->low, above->high - stable.rate());
}

void bad_rate_versus(GateRecord& record) {
    const Counts canary{record.bad, record.n};
    const Counts stable{record.reference_bad, record.reference_n};
    record.measured = canary.rate();
    record.reference = stable.rate();
    record.value = canary.rate() - stable.rate();
    if (auto bounds = newcombe_difference(canary, stable, record.confidence, Side::one)) {
        if (bounds->low > record.spec.limit) {
            bounds->low = std::min(bounds->low, exact_low(canary, stable, record.confidence));
        }
        decide(record, *bounds);
    }
    if (record.verdict == Verdict::fail && small_cells(canary, stable)) {
        const FisherResult test = fisher_exact(
            canary.bad, canary.total - canary.bad, stable.bad, stable.total - stable.bad
        );
        if (test.p_greater > 1 - record.confidence) {
            settle(record, Verdict::inconclusive, rule::k_fisher);
        }
    }
    if (record.verdict == Verdict::inconclusive && !record.needs_n) {
        record.needs_n = scaled_need(record, std::min(canary.total, stable.total));
    }
}

} // namespace

void measure_bad_rate(GateRecord& record, const Arms& arms) {
    const Counts canary = arms.canary.requests;
    const Counts stable = arms.stable.requests;
    record.n = canary.total;
    record.bad = canary.bad;
    const bool versus = record.spec.against == Against::stable;
    if (versus) {
        record.reference_n = stable.total;
        record.reference_bad = stable.bad;
    }
    if (canary.total == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_canary);
        record.needs_n = needed_for_limit(0, record.spec.limit, record.confidence);
    } else if (!versus) {
        bad_rate_absolute(record);
    } else if (stable.total == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_stable);
    } else {
        bad_rate_versus(record);
    }
}

} // namespace oa_stream::measure
