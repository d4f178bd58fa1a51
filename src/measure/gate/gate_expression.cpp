// Gates on the value of a PromQL expression: one number per arm without bounds, so the plain
// numbers are compared, once, at the window's end.
#include "gate_judge.hpp"
#include "gate_text.hpp"

#include <fmt/format.h>

namespace oa_stream::measure {
namespace {

std::string quantity_text(Quantity quantity, double value, double limit) {
    switch (quantity) {
    case Quantity::share:
        return percent_text(value, limit);
    case Quantity::seconds:
        return seconds_text(value, limit);
    case Quantity::per_second:
        return fmt::format("{:.6g}/s", value);
    case Quantity::count:
        break;
    }
    return fmt::format("{:.6g}", value);
}

} // namespace

void measure_expression(GateRecord& record, const Arms& arms) {
    const GateSpec& spec = record.spec;
    const bool versus = spec.against != Against::limit;
    record.measured = arms.canary.value;
    record.reference = versus ? arms.stable.value : std::nullopt;
    if (!record.measured || (versus && !record.reference)) {
        return settle(record, Verdict::inconclusive, rule::k_no_reading);
    }
    double value = *record.measured;
    if (versus) {
        const bool time = spec.quantity == Quantity::seconds;
        const double base =
            time && !spec.at_least ? raised_reference(spec, *record.reference) : *record.reference;
        if (base <= 0 && value != base) {
            return settle(record, Verdict::inconclusive, rule::k_no_reference);
        }
        value = base <= 0 ? 0 : as_decimal(value / base - 1);
    }
    record.value = value;
    if (record.look.interim) {
        return settle(record, Verdict::inconclusive, rule::k_interim);
    }
    const bool beyond = spec.at_least ? value < spec.limit : value > spec.limit;
    settle(
        record,
        beyond ? Verdict::fail : Verdict::pass,
        beyond ? rule::k_value_beyond : rule::k_value_within
    );
}

std::string expression_sentence(const GateRecord& record) {
    const GateSpec& spec = record.spec;
    const bool versus = spec.against != Against::limit;
    if (!record.measured || (versus && !record.reference)) {
        return fmt::format("{} not measured: the expression returns no number", spec.id);
    }
    const double limit = spec.limit;
    std::string out = fmt::format(
        "{} {} {}",
        record.arm,
        spec.id,
        quantity_text(spec.quantity, *record.measured, versus ? *record.reference : limit)
    );
    const std::string_view side = spec.against == Against::before ? "before the run" : "of stable";
    if (versus) {
        out += fmt::format(
            " against {} {}{}",
            quantity_text(spec.quantity, *record.reference, *record.measured),
            side,
            record.value ? fmt::format(" ({})", signed_percent(*record.value, limit)) : ""
        );
    }
    const std::string bound = fmt::format(
        "{} {}",
        spec.at_least ? "at least" : "at most",
        versus ? signed_percent(limit, limit) : quantity_text(spec.quantity, limit, limit)
    );
    if (record.verdict == Verdict::pass || record.verdict == Verdict::fail) {
        return fmt::format(
            "{}, {} the limit of {}",
            out,
            record.verdict == Verdict::pass ? "within" : "beyond",
            bound
        );
    }
    return fmt::format(
        "{}, limit of {} not decided{}",
        out,
        bound,
        record.rule == rule::k_no_reference ? ": a change from 0 has no percentage" : ""
    );
}

} // namespace oa_stream::measure
