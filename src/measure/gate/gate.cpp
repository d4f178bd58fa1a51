#include "oa_stream/measure/gate.hpp"

#include "oa_stream/base/secret.hpp"

#include "gate_judge.hpp"
#include "gate_text.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

std::optional<double> finite(double value) {
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// Number of samples of the smaller arm.
std::uint64_t fewest(const GateRecord& record) {
    return record.spec.against != Against::limit ? std::min(record.n, record.reference_n)
                                                 : record.n;
}

} // namespace

GateRecord blank(const GateSpec& spec, const GateInput& input) {
    GateRecord record;
    record.spec = spec;
    record.look = input.look;
    record.confidence = confidence_of(spec, input.look);
    record.window = input.window;
    record.reference_window = input.reference_window;
    record.source = input.source;
    record.query = input.query;
    record.arm = input.arm;
    return record;
}

void settle(GateRecord& record, Verdict verdict, std::string_view rule) {
    record.verdict = verdict;
    record.rule = rule;
}

double as_decimal(double value) noexcept {
    return std::round(value * 1e9) / 1e9 + 0.0; // never -0
}

void decide(GateRecord& record, const Interval& interval) {
    const double limit = record.spec.limit;
    record.low = finite(interval.low);
    record.high = finite(interval.high);
    if (interval.low > limit) {
        settle(record, Verdict::fail, rule::k_beyond);
    } else if (record.look.interim) {
        settle(record, Verdict::inconclusive, rule::k_interim);
    } else if (interval.high > limit) {
        settle(record, Verdict::inconclusive, rule::k_spans);
    } else if (fewest(record) < record.spec.min_n) {
        settle(record, Verdict::inconclusive, rule::k_minimum);
        record.needs_n = record.spec.min_n;
    } else {
        settle(record, Verdict::pass, rule::k_within);
    }
}

std::optional<std::uint64_t> scaled_need(const GateRecord& record, std::uint64_t n) {
    if (!record.value || !record.high || *record.value >= record.spec.limit) {
        return std::nullopt;
    }
    const double factor = (*record.high - *record.value) / (record.spec.limit - *record.value);
    const double need = std::ceil(static_cast<double>(n) * factor * factor);
    return need < 1e9 ? std::optional(std::max(n + 1, static_cast<std::uint64_t>(need)))
                      : std::nullopt;
}

double confidence_of(const GateSpec& spec, const Look& look) noexcept {
    const double error = 1 - spec.confidence;
    return 1 - (look.interim ? error * k_interim_share : error / std::max(1, look.of));
}

GateRecord evaluate(const GateSpec& spec, const GateInput& input) {
    GateRecord record = blank(spec, input);
    // The only signal that probes see: the arm refuses their credential.
    const std::string_view events = spec.metric == Metric::spike ? k_unauthorised : spec.events;
    const Tally listed_canary =
        input.canary_tally == nullptr ? tally_of(input.canary, spec.timing, events) : Tally{};
    const Tally listed_stable =
        input.stable_tally == nullptr ? tally_of(input.stable, spec.timing, events) : Tally{};
    const Arms arms{
        .canary = input.canary_tally == nullptr ? listed_canary : *input.canary_tally,
        .stable = input.stable_tally == nullptr ? listed_stable : *input.stable_tally,
        .seed = input.seed,
    };
    if (spec.metric == Metric::spike) {
        const bool counted = input.canary_tally != nullptr || spec.from == k_by_probes;
        measure_spike(record, counted ? &arms : nullptr);
    } else if (spec.metric == Metric::expression) {
        measure_expression(record, arms);
    } else if (spec.metric == Metric::bad_rate) {
        measure_bad_rate(record, arms);
    } else {
        measure_quantile(record, arms);
    }
    record.sentence = sentence_of(record);
    return record;
}

} // namespace oa_stream::measure
