#include "gate_text.hpp"

#include "oa_stream/measure/buckets.hpp"

#include "gate_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

bool relative(const GateSpec& spec) {
    return spec.against == Against::stable;
}

std::string points(double difference, double limit) {
    std::string text = signed_percent(difference, limit);
    text.pop_back();
    return text + " points";
}

/// Shows seconds per token as tokens per second, and a rise of one as a fall of the other.
std::string token_text(const GateSpec& spec, double value) {
    if (!relative(spec)) {
        return value > 0 ? fmt::format("{:.4g}/s", 1 / value) : "unbounded";
    }
    return value > -1 ? signed_percent(1 / (1 + value) - 1, 1 / (1 + spec.limit) - 1) : "unbounded";
}

/// Formats a value in the unit of the limit.
std::string in_unit(const GateSpec& spec, double value) {
    if (is_token_rate(spec)) {
        return token_text(spec, value);
    }
    if (spec.metric == Metric::bad_rate) {
        return relative(spec) ? points(value, spec.limit) : percent_text(value, spec.limit);
    }
    return relative(spec) && std::isfinite(value) ? signed_percent(value, spec.limit)
                                                  : seconds_text(value, spec.limit);
}

/// Records hold no infinite bounds: a missing lower bound of a FAIL stands for infinity.
std::string bounds(const GateRecord& record) {
    const std::string never = in_unit(record.spec, k_infinite);
    const bool late = record.value && std::isinf(*record.value);
    const std::string sure = percent_text(record.confidence, 1);
    if (late && !record.low && record.verdict == Verdict::fail) {
        return fmt::format("{} at {}", never, sure);
    }
    const std::string low = record.low ? in_unit(record.spec, *record.low) : "no lower bound";
    const std::string high = record.high ? in_unit(record.spec, *record.high)
                             : late      ? never
                                         : "no upper bound";
    // Many seconds per token are few tokens per second.
    const bool turned = is_token_rate(record.spec);
    return fmt::format("{} to {} at {}", turned ? high : low, turned ? low : high, sure);
}

/// Formats one arm's own value.
std::string arm_text(const GateSpec& spec, double value) {
    GateSpec alone = spec;
    alone.against = Against::limit;
    return is_token_rate(spec) ? token_text(alone, value) : seconds_text(value, 0);
}

/// Explains a limit raised by `unnoticed_s`, where stable is so fast that the relative limit would
/// be smaller.
std::string floor_text(const GateRecord& record) {
    const double stable = record.reference.value_or(0);
    if (is_token_rate(record.spec)) {
        return {};
    }
    const double raised = raised_reference(record.spec, stable);
    return raised > stable ? fmt::format(
                                 ", counted as {}: {} more go unnoticed",
                                 seconds_text(raised, stable),
                                 seconds_text(record.spec.unnoticed_s, 0)
                             )
                           : "";
}

std::string measured(const GateRecord& record) {
    const GateSpec& spec = record.spec;
    std::string out = whose(record) + subject_of(spec);
    if (!record.value) {
        return out + " not measured";
    }
    if (spec.metric == Metric::bad_rate && !relative(spec)) {
        return out + fmt::format(
                         " {} ({} of {}; {})",
                         in_unit(spec, *record.value),
                         record.bad,
                         record.n,
                         bounds(record)
                     );
    }
    if (spec.metric == Metric::bad_rate) {
        return out + fmt::format(
                         " {} versus stable ({} of {} against {} of {}; {})",
                         in_unit(spec, *record.value),
                         record.bad,
                         record.n,
                         record.reference_bad,
                         record.reference_n,
                         bounds(record)
                     );
    }
    if (!relative(spec)) {
        return out + fmt::format(
                         " {} (n {}; {})", in_unit(spec, *record.value), record.n, bounds(record)
                     );
    }
    if (std::isinf(*record.value) && !is_token_rate(spec)) {
        return out + fmt::format(
                         " never, stable {} (n {} and {}; {})",
                         arm_text(spec, record.reference.value_or(0)),
                         record.n,
                         record.reference_n,
                         bounds(record)
                     );
    }
    return out + fmt::format(
                     " {} versus stable ({} against {}{}, n {} and {}; {})",
                     in_unit(spec, *record.value),
                     arm_text(spec, record.measured.value_or(0)),
                     arm_text(spec, record.reference.value_or(0)),
                     floor_text(record),
                     record.n,
                     record.reference_n,
                     bounds(record)
                 );
}

std::string missing(const GateRecord& record) {
    const std::uint64_t has =
        relative(record.spec) ? std::min(record.n, record.reference_n) : record.n;
    if (record.rule == rule::k_no_stable) {
        return ": stable answered no probe in the same window, and its earlier answers are no "
               "measure";
    }
    if (record.needs_n) {
        return fmt::format(": needs n ≥ {}, has {}", *record.needs_n, has);
    }
    return fmt::format(": with n {} it may be on either side", has);
}

} // namespace

std::string signed_percent(double change, double limit) {
    const std::string text = percent_text(change, limit);
    return change >= 0 ? "+" + text : text;
}

bool is_token_rate(const GateSpec& spec) noexcept {
    return spec.metric == Metric::quantile && spec.timing == Timing::per_token;
}

Fraction shown_quantile(const GateSpec& spec) noexcept {
    const Fraction q = spec.quantile;
    return is_token_rate(spec) ? Fraction{q.den - q.num, q.den} : q;
}

std::string quantile_text(Fraction quantile) {
    return fmt::format("p{:g}", 100 * quantile.value());
}

std::string quantile_id(const GateSpec& spec) {
    std::string out(to_string(spec.timing));
    std::ranges::replace(out, '_', '-');
    if (spec.quantile != k_p95) {
        out += "-" + quantile_text(shown_quantile(spec));
    }
    return out + (spec.against == Against::stable ? "-vs-stable" : "");
}

std::string whose(const GateRecord& record) {
    return record.spec.alone ? "" : record.arm + " ";
}

std::string subject_of(const GateSpec& spec) {
    if (spec.metric == Metric::expression) {
        return spec.id;
    }
    if (spec.metric == Metric::bad_rate) {
        return endings_of(spec.events).value_or(std::vector<std::string_view>{}).empty()
                   ? "bad rate"
                   : "rate of " + spec.events;
    }
    std::string timing(to_string(spec.timing));
    std::ranges::replace(timing, '_', ' ');
    return fmt::format("{} {}", quantile_text(shown_quantile(spec)), timing);
}

std::string sentence_of(const GateRecord& record) {
    if (record.spec.metric == Metric::spike) {
        return spike_sentence(record);
    }
    if (record.spec.metric == Metric::expression) {
        return expression_sentence(record);
    }
    const std::string limit = in_unit(record.spec, record.spec.limit);
    switch (record.verdict) {
    case Verdict::pass:
        return measured(record) + ", within the limit of " + limit;
    case Verdict::fail:
        return measured(record) + ", beyond the limit of " + limit;
    default:
        break;
    }
    return measured(record) + ", limit " + limit + " not decided" + missing(record);
}

} // namespace oa_stream::measure
