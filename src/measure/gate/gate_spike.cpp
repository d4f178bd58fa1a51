// "Does not spike": the canary runbook's wording for auth, sync token and audit errors, which gives
// no figure. Here a spike is a rate of more than limit + 1 times stable's (or that before the run),
// from min_events events on. The counts are rare events in another program's log, so there is no
// interval: the rule applies to the counts.
#include "oa_stream/base/layout.hpp"

#include "gate_judge.hpp"

#include <fmt/format.h>

namespace oa_stream::measure {
namespace {

double rate(const EventCounts& counts) {
    return static_cast<double>(counts.events) / static_cast<double>(counts.requests);
}

/// The ratio of the two rates, rounded only once: at the limit it equals limit_ratio() exactly.
double ratio_of(const EventCounts& canary, const EventCounts& stable) {
    return static_cast<double>(canary.events) * static_cast<double>(stable.requests) /
           (static_cast<double>(stable.events) * static_cast<double>(canary.requests));
}

/// "+14%" → 1.14
double limit_ratio(const GateSpec& spec) {
    return as_decimal(1 + spec.limit);
}

/// "2.5x", with enough digits to show on which side of the limit the ratio lies.
std::string times(double ratio, double limit) {
    for (int digits = 1; digits < 6; ++digits) {
        std::string text = fmt::format("{:.{}f}", ratio, digits);
        if (ratio == limit || text != fmt::format("{:.{}f}", limit, digits)) {
            return text + "x";
        }
    }
    return fmt::format("{:.6f}x", ratio);
}

std::string numbers(const GateRecord& record) {
    const double limit = limit_ratio(record.spec);
    const bool before = record.spec.against == Against::before;
    std::string out =
        fmt::format("{} {} {} of {}", record.arm, record.spec.signal, record.bad, record.n);
    out += record.value ? fmt::format(
                              ", {} {}",
                              times(*record.value + 1, limit),
                              before ? "as often as before the run" : "stable's"
                          )
                        : std::string(before ? ", none before the run" : ", stable has none");
    return out + fmt::format(" ({} of {})", record.reference_bad, record.reference_n);
}

} // namespace

void measure_spike(GateRecord& record, const Arms* arms) {
    const GateSpec& spec = record.spec;
    EventReading counted;
    if (arms != nullptr) {
        const Counts& canary = arms->canary.requests;
        const Counts& stable = arms->stable.requests;
        counted.canary = {.events = canary.bad, .requests = canary.total};
        counted.stable = {.events = stable.bad, .requests = stable.total};
        counted.source = record.source;
    }
    const EventReading* reading = arms != nullptr ? &counted
                                  : spec.reading  ? &*spec.reading
                                                  : nullptr;
    if (reading == nullptr || reading->canary.requests == 0 || reading->stable.requests == 0) {
        record.source = arms != nullptr ? record.source : "none";
        return settle(record, Verdict::inconclusive, rule::k_no_reading);
    }
    record.source = reading->source;
    record.asserted = reading->asserted;
    record.n = reading->canary.requests;
    record.bad = reading->canary.events;
    record.reference_n = reading->stable.requests;
    record.reference_bad = reading->stable.events;
    record.measured = rate(reading->canary);
    record.reference = rate(reading->stable);
    if (record.reference_bad > 0) {
        record.value = ratio_of(reading->canary, reading->stable) - 1;
    }
    const bool counts = record.bad >= spec.min_events;
    const bool beyond = record.value ? *record.value + 1 > limit_ratio(spec) : record.bad > 0;
    if (counts && beyond) {
        settle(record, Verdict::fail, rule::k_ratio_beyond);
    } else if (record.look.interim) {
        settle(record, Verdict::inconclusive, rule::k_interim);
    } else if (!reading->enough) {
        settle(record, Verdict::inconclusive, rule::k_only_stated);
    } else {
        settle(record, Verdict::pass, counts ? rule::k_ratio_within : rule::k_few_events);
    }
}

std::string spike_sentence(const GateRecord& record) {
    if (record.rule == rule::k_no_reading) {
        return fmt::format(
            "{} {} not measured: {}, and unknown is not small",
            record.arm,
            record.spec.signal,
            record.source == "none" ? "no source has the numbers"
                                    : "there were no requests to count them among"
        );
    }
    const std::string limit = fmt::format(
        "the limit of {} from {} on",
        times(limit_ratio(record.spec), -1),
        counted(record.spec.min_events, "event")
    );
    const std::string source = "; source " + record.source;
    switch (record.verdict) {
    case Verdict::pass:
        return fmt::format("{}, within {}{}", numbers(record), limit, source);
    case Verdict::fail:
        return fmt::format("{}, beyond {}{}", numbers(record), limit, source);
    default:
        break;
    }
    const bool stated = record.rule == rule::k_only_stated;
    return fmt::format(
        "{}, {} not decided{}{}",
        numbers(record),
        limit,
        stated ? ": only stated, which the playbook does not accept as enough" : "",
        source
    );
}

} // namespace oa_stream::measure
