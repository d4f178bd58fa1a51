// Gates on shares of bad requests.
#include "gate_judge.hpp"

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace oa_stream::measure {
namespace {

// Below this expected count in a cell, Newcombe's interval is too narrow; Fisher's test decides.
constexpr double k_small_cell = 5;

// One window of ten with independent failures looks at least this clumped.
constexpr double k_by_chance = 0.1;

/// The estimated size of the clumps in which failures come: how much more the blocks' bad counts
/// vary than those of independent failures would. 1 where chance explains the variation.
double clumped(const std::vector<Counts>& blocks, double confidence) {
    Counts all;
    std::size_t used = 0;
    for (const Counts& block : blocks) {
        all.bad += block.bad;
        all.total += block.total;
        used += block.total > 0 ? 1 : 0;
    }
    const double p = all.total > 0 ? all.rate() : 0;
    if (used < 2 || p <= 0 || p >= 1) {
        return 1;
    }
    double sum = 0;
    for (const Counts& block : blocks) {
        const auto n = static_cast<double>(block.total);
        const double off = static_cast<double>(block.bad) - n * p;
        sum += block.total > 0 ? off * off / (n * p * (1 - p)) : 0;
    }
    const auto free = static_cast<double>(used - 1);
    return boost::math::gamma_q(free / 2, sum / 2) < k_by_chance
               ? std::max(1.0, unsure_of(sum / free, free, confidence))
               : 1;
}

double clump_of(const GateSpec& spec, const Arms& arms, double confidence) {
    const bool versus = spec.against == Against::stable;
    return std::max(
        {static_cast<double>(spec.clump),
         clumped(arms.canary.blocks, confidence),
         versus ? clumped(arms.stable.blocks, confidence) : 1}
    );
}

std::uint64_t scaled(std::uint64_t n, double factor) {
    return static_cast<std::uint64_t>(std::ceil(static_cast<double>(n) * factor));
}

/// The number of independent requests that a sample with clumps is worth: fewer by the clump's
/// size.
Counts independent(Counts counts, double clump) {
    if (clump <= 1) {
        return counts;
    }
    const auto total = static_cast<std::uint64_t>(static_cast<double>(counts.total) / clump);
    const auto bad =
        static_cast<std::uint64_t>(std::llround(static_cast<double>(counts.bad) / clump));
    const std::uint64_t least = std::max<std::uint64_t>(1, total);
    return {std::min(counts.bad > 0 ? std::max<std::uint64_t>(1, bad) : 0, least), least};
}

/// For a lower bound: no clump is larger than the number of failures seen. They then count as one
/// event of that size.
double clump_seen(Counts counts, double clump) {
    return counts.bad > 0 ? std::min(clump, static_cast<double>(counts.bad)) : clump;
}

void bad_rate_absolute(GateRecord& record, double clump) {
    const Counts all{record.bad, record.n};
    record.value = record.measured = all.rate();
    const Counts counts = independent(all, clump);
    if (auto bounds = exact_bounds(counts, record.confidence)) {
        const auto seen = exact_bounds(independent(all, clump_seen(all, clump)), record.confidence);
        bounds->low = seen ? std::min(bounds->low, seen->low) : 0;
        decide(record, *bounds);
    }
    if (record.verdict == Verdict::inconclusive && !record.needs_n &&
        all.rate() < record.spec.limit) {
        const auto needs = needed_for_limit(counts.bad, record.spec.limit, record.confidence);
        record.needs_n = needs ? std::optional(scaled(*needs, clump)) : std::nullopt;
    }
}

bool small_cells(Counts a, Counts b) {
    const double pooled =
        static_cast<double>(a.bad + b.bad) / static_cast<double>(a.total + b.total);
    const auto smallest = static_cast<double>(std::min(a.total, b.total));
    return smallest * pooled < k_small_cell || smallest * (1 - pooled) < k_small_cell;
}

/// The lower bound of the difference, combined from exact bounds of both arms.
double exact_low(Counts canary, Counts stable, double confidence) {
    const auto below = clopper_pearson(canary, confidence, Tail::lower);
    const auto above = clopper_pearson(stable, confidence, Tail::upper);
    if (!below || !above) {
        return -1;
    }
    return canary.rate() - stable.rate() -
           std::hypot(canary.rate() - below->low, above->high - stable.rate());
}

void bad_rate_versus(GateRecord& record, double clump) {
    const Counts all{record.bad, record.n};
    const Counts canary = independent(all, clump);
    const Counts seen = independent(all, clump_seen(all, clump));
    const Counts stable = independent({record.reference_bad, record.reference_n}, clump);
    record.measured = Counts{record.bad, record.n}.rate();
    record.reference = Counts{record.reference_bad, record.reference_n}.rate();
    record.value = *record.measured - *record.reference;
    if (auto bounds = newcombe_difference(canary, stable, record.confidence, Side::one)) {
        if (seen.total != canary.total) {
            const auto least = newcombe_difference(seen, stable, record.confidence, Side::one);
            bounds->low = least ? std::min(bounds->low, least->low) : -1;
        }
        if (bounds->low > record.spec.limit) {
            bounds->low = std::min(bounds->low, exact_low(seen, stable, record.confidence));
        }
        decide(record, *bounds);
    }
    if (record.verdict == Verdict::fail && small_cells(seen, stable)) {
        const double chance =
            fisher_greater(seen.bad, seen.total - seen.bad, stable.bad, stable.total - stable.bad);
        if (chance > 1 - record.confidence) {
            settle(record, Verdict::inconclusive, rule::k_fisher);
        }
    }
    if (record.verdict == Verdict::inconclusive && !record.needs_n) {
        record.needs_n = scaled_need(record, std::min(record.n, record.reference_n));
    }
}

} // namespace

double unsure_of(double variance, double free, double confidence) {
    namespace math = boost::math;
    const double few = math::quantile(math::students_t(free), confidence);
    const double many = math::quantile(math::normal(), confidence);
    return many > 0 ? variance * (few / many) * (few / many) : variance;
}

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
    const double clump = clump_of(record.spec, arms, record.confidence);
    if (clump > 1) {
        record.notes.push_back(fmt::format(
            "failures come in clumps of about {:.1f}: intervals are as wide as for 1/{:.1f} of the"
            " requests",
            clump,
            clump
        ));
    }
    if (canary.total == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_canary);
        record.needs_n = needed_for_limit(0, record.spec.limit, record.confidence);
    } else if (!versus) {
        bad_rate_absolute(record, clump);
    } else if (stable.total == 0) {
        settle(record, Verdict::inconclusive, rule::k_no_stable);
    } else {
        bad_rate_versus(record, clump);
    }
}

} // namespace oa_stream::measure
