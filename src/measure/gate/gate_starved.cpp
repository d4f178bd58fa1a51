// What a gate may conclude from probes that were not measured because oa-stream was stalled.
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/proportion.hpp"

#include "gate_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace oa_stream::measure {
namespace {

Counts starved_of(std::span<const Sample> samples) {
    const auto count = std::ranges::count_if(samples, was_starved);
    return {static_cast<std::uint64_t>(count), samples.size()};
}

/// Stable does not meet the limit either, by its measured value.
bool stable_is_beyond(const GateSpec& spec, const GateInput& input) {
    GateInput swapped = input;
    swapped.canary = input.stable;
    swapped.look = {};
    const GateRecord stable = evaluate(spec, swapped);
    return stable.verdict == Verdict::fail || (stable.value && *stable.value > spec.limit);
}

/// Trouble that both arms share does not count as worse.
bool is_worse_than_stable(const GateSpec& spec, const GateInput& input) {
    GateSpec versus = spec;
    versus.against = Against::stable;
    versus.limit = 0;
    return evaluate(versus, input).verdict == Verdict::fail;
}

/// A stall of oa-stream affects both arms. When clearly more of the canary's probes were left out,
/// the canary itself is the cause.
bool hides_the_canary(const Counts& canary, const Counts& stable) {
    constexpr double k_chance = 0.05;
    return canary.bad > 0 &&
           (stable.total == 0 ||
            fisher_greater(
                canary.bad, canary.total - canary.bad, stable.bad, stable.total - stable.bad
            ) < k_chance);
}

Counts outcomes_of(std::span<const Sample> samples) {
    const auto count = std::ranges::count(samples, k_starved, &Sample::outcome);
    return {static_cast<std::uint64_t>(count), samples.size()};
}

std::string starved_text(const Counts& canary, const Counts& stable) {
    return fmt::format(
        "oa-stream itself was starved: {} of {} probes of the canary and {} of {} of stable were "
        "not measured whole",
        canary.bad,
        canary.total,
        stable.bad,
        stable.total
    );
}

} // namespace

std::string hidden_by_starvation(std::span<const Sample> canary, std::span<const Sample> stable) {
    return hides_the_canary(outcomes_of(canary), outcomes_of(stable))
               ? starved_text(starved_of(canary), starved_of(stable))
               : std::string();
}

void account_for_starvation(GateRecord& record, const GateInput& input) {
    const Counts canary = starved_of(input.canary);
    const Counts stable = starved_of(input.stable);
    const Counts both{canary.bad + stable.bad, canary.total + stable.total};
    if (both.bad == 0) {
        return;
    }
    const std::string why = starved_text(canary, stable);
    record.notes.push_back(why);
    const bool absolute =
        record.spec.against == Against::limit &&
        (record.spec.metric == Metric::bad_rate || record.spec.metric == Metric::quantile);
    if (record.verdict == Verdict::fail && absolute && both.rate() >= k_starved_share &&
        stable_is_beyond(record.spec, input) && !is_worse_than_stable(record.spec, input)) {
        settle(record, Verdict::inconclusive, rule::k_starved);
        record.sentence +=
            "; not decided: stable is beyond the limit too, so it is the machine or the "
            "network rather than the revision; " +
            why;
    } else if (record.verdict == Verdict::pass &&
               hides_the_canary(outcomes_of(input.canary), outcomes_of(input.stable))) {
        settle(record, Verdict::inconclusive, rule::k_starved);
        record.sentence +=
            "; not decided: a standstill of oa-stream strikes both revisions, and more of the "
            "canary's probes ran into their limits; " +
            why;
    } else if (record.verdict == Verdict::inconclusive && !record.look.interim) {
        record.sentence += "; " + why;
    }
}

} // namespace oa_stream::measure
