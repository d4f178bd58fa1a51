#include "oa_stream/measure/gate.hpp"

#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "gate_text.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

// Below this expected count in a cell Newcombe's interval is too sure of itself; Fisher decides.
constexpr double k_small_cell = 5;

// The rules a record may name.
constexpr std::string_view k_within = "upper-bound-within-limit";
constexpr std::string_view k_beyond = "lower-bound-beyond-limit";
constexpr std::string_view k_spans = "interval-spans-limit";
constexpr std::string_view k_fisher = "fisher-not-significant";
constexpr std::string_view k_no_canary = "no-canary-samples";
constexpr std::string_view k_no_stable = "no-stable-samples";
constexpr std::string_view k_too_few = "too-few-samples";
constexpr std::string_view k_no_reference = "stable-has-no-finite-p95";
constexpr std::string_view k_interim = "interim-look";

std::optional<double> finite(double value) {
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void settle(GateRecord& record, Verdict verdict, std::string_view rule) {
    record.verdict = verdict;
    record.rule = rule;
}

/// PASS when the upper bound is within, FAIL when the lower one is beyond. An interim look is only
/// allowed to fail.
void decide(GateRecord& record, const Interval& interval) {
    const double limit = record.spec.limit;
    record.low = finite(interval.low);
    record.high = finite(interval.high);
    if (interval.low > limit) {
        settle(record, Verdict::fail, k_beyond);
    } else if (record.look.interim) {
        settle(record, Verdict::inconclusive, k_interim);
    } else if (interval.high <= limit) {
        settle(record, Verdict::pass, k_within);
    } else {
        settle(record, Verdict::inconclusive, k_spans);
    }
}

/// Samples at which the upper bound would reach the limit if the measured value stayed: the
/// interval shrinks with the square root of n.
std::optional<std::uint64_t> scaled_need(const GateRecord& record, std::uint64_t n) {
    if (!record.value || !record.high || *record.value >= record.spec.limit) {
        return std::nullopt;
    }
    const double factor = (*record.high - *record.value) / (record.spec.limit - *record.value);
    const double need = std::ceil(static_cast<double>(n) * factor * factor);
    return need < 1e9 ? std::optional(std::max(n + 1, static_cast<std::uint64_t>(need)))
                      : std::nullopt;
}

void bad_rate_absolute(GateRecord& record) {
    const Counts counts{record.bad, record.n};
    record.value = record.measured = counts.rate();
    if (const auto interval = wilson(counts, record.confidence, Side::one)) {
        decide(record, *interval);
    }
    if (record.verdict == Verdict::inconclusive && counts.rate() < record.spec.limit) {
        record.needs_n = needed_for_limit(record.bad, record.spec.limit, record.confidence);
    }
}

bool small_cells(Counts a, Counts b) {
    const double pooled =
        static_cast<double>(a.bad + b.bad) / static_cast<double>(a.total + b.total);
    const auto smallest = static_cast<double>(std::min(a.total, b.total));
    return smallest * pooled < k_small_cell || smallest * (1 - pooled) < k_small_cell;
}

void bad_rate_versus(GateRecord& record) {
    const Counts canary{record.bad, record.n};
    const Counts stable{record.reference_bad, record.reference_n};
    record.measured = canary.rate();
    record.reference = stable.rate();
    record.value = canary.rate() - stable.rate();
    if (const auto interval = newcombe_difference(canary, stable, record.confidence, Side::one)) {
        decide(record, *interval);
    }
    if (record.verdict == Verdict::fail && small_cells(canary, stable)) {
        const FisherResult test = fisher_exact(
            canary.bad, canary.total - canary.bad, stable.bad, stable.total - stable.bad
        );
        if (test.p_greater > 1 - record.confidence) {
            settle(record, Verdict::inconclusive, k_fisher);
        }
    }
    if (record.verdict == Verdict::inconclusive) {
        record.needs_n = scaled_need(record, std::min(canary.total, stable.total));
    }
}

void p95_absolute(GateRecord& record, const std::vector<double>& times) {
    record.value = record.measured = quantile_sorted(times, k_p95);
    const auto low = lower_rank(times.size(), k_p95, record.confidence);
    const auto high = upper_rank(times.size(), k_p95, record.confidence);
    constexpr double k_infinite = std::numeric_limits<double>::infinity();
    decide(
        record,
        {low ? times[low->rank - 1] : -k_infinite, high ? times[high->rank - 1] : k_infinite}
    );
    if (record.verdict == Verdict::inconclusive && !high) {
        record.rule = record.look.interim ? k_interim : k_too_few;
        record.needs_n = needed_for_upper_rank(k_p95, record.confidence);
    }
}

void p95_versus(
    GateRecord& record,
    const std::vector<double>& canary,
    const std::vector<double>& stable,
    std::uint64_t seed
) {
    record.measured = quantile_sorted(canary, k_p95);
    const double reference = quantile_sorted(stable, k_p95);
    record.reference = reference;
    const std::uint64_t need = needed_for_upper_rank(k_p95, record.confidence);
    const std::uint64_t fewer = std::min(record.n, record.reference_n);
    if (record.look.interim || fewer < need) {
        // A resampled tail of so few values never reaches beyond the largest one seen.
        record.needs_n = need;
        return settle(record, Verdict::inconclusive, record.look.interim ? k_interim : k_too_few);
    }
    if (!std::isfinite(reference) || reference <= 0) {
        return settle(record, Verdict::inconclusive, k_no_reference);
    }
    const auto ratio = bootstrap_quantile_ratio(
        stable, canary, k_p95, {.confidence = record.confidence, .side = Side::one, .seed = seed}
    );
    if (!ratio) {
        return settle(record, Verdict::inconclusive, k_no_reference);
    }
    record.value = ratio->point - 1;
    decide(record, {ratio->interval.low - 1, ratio->interval.high - 1});
    if (record.verdict == Verdict::inconclusive) {
        record.needs_n = scaled_need(record, fewer);
    }
}

GateRecord blank(const GateSpec& spec, const GateInput& input) {
    GateRecord record;
    record.spec = spec;
    record.look = input.look;
    record.confidence = confidence_of(spec, input.look);
    record.window = input.window;
    record.reference_window = input.reference_window;
    record.source = input.source;
    return record;
}

void measure_bad_rate(GateRecord& record, const GateInput& input) {
    const Counts canary = count_bad(input.canary);
    const Counts stable = count_bad(input.stable);
    record.n = canary.total;
    record.bad = canary.bad;
    const bool versus = record.spec.against == Against::stable;
    if (versus) {
        record.reference_n = stable.total;
        record.reference_bad = stable.bad;
    }
    if (canary.total == 0) {
        settle(record, Verdict::inconclusive, k_no_canary);
        record.needs_n = needed_for_limit(0, record.spec.limit, record.confidence);
    } else if (!versus) {
        bad_rate_absolute(record);
    } else if (stable.total == 0) {
        settle(record, Verdict::inconclusive, k_no_stable);
    } else {
        bad_rate_versus(record);
    }
}

void measure_p95(GateRecord& record, const GateInput& input) {
    const std::vector<double> canary = first_content_sorted(input.canary);
    const std::vector<double> stable = first_content_sorted(input.stable);
    record.n = canary.size();
    const bool versus = record.spec.against == Against::stable;
    record.reference_n = versus ? stable.size() : 0;
    if (canary.empty()) {
        settle(record, Verdict::inconclusive, k_no_canary);
        record.needs_n = needed_for_upper_rank(k_p95, record.confidence);
    } else if (!versus) {
        p95_absolute(record, canary);
    } else if (stable.empty()) {
        settle(record, Verdict::inconclusive, k_no_stable);
        record.needs_n = needed_for_upper_rank(k_p95, record.confidence);
    } else {
        p95_versus(record, canary, stable, input.seed);
    }
}

} // namespace

double confidence_of(const GateSpec& spec, const Look& look) noexcept {
    if (look.interim) {
        return std::max(k_interim_confidence, spec.confidence);
    }
    return 1 - (1 - spec.confidence) / std::max(1, look.of);
}

GateRecord evaluate(const GateSpec& spec, const GateInput& input) {
    GateRecord record = blank(spec, input);
    if (spec.metric == Metric::bad_rate) {
        measure_bad_rate(record, input);
    } else {
        measure_p95(record, input);
    }
    record.sentence = sentence_of(record);
    return record;
}

} // namespace oa_stream::measure
