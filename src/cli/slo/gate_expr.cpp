#include "gate_expr.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using config::LimitUnit;
using measure::Against;
using measure::Metric;
using measure::Timing;

constexpr std::string_view k_example = "like 'bad: http_5xx | terminal_error <= 1%'";

std::unexpected<Error> wrong(std::string message) {
    return fail(Code::usage, std::move(message), "EXPR", std::string(k_example));
}

/// The unit that a limit of this kind has.
LimitUnit unit_of(Metric metric, Against against) {
    if (metric == Metric::bad_rate) {
        return against == Against::stable ? LimitUnit::points : LimitUnit::share;
    }
    return against == Against::stable ? LimitUnit::relative : LimitUnit::seconds;
}

std::string_view form_of(LimitUnit unit) {
    static constexpr std::array<std::string_view, 4> k_words{
        "a share like 1%", "a rise like +20%", "percentage points like +1pp", "a time like 2.5s"
    };
    return enum_word<LimitUnit::seconds>(k_words, unit);
}

Result<void> read_judged(std::string_view text, GateExpr& out) {
    // "p95: duration", and "p95 duration" as in a limit of `load`
    text = trim(text);
    const std::size_t gap = text.find_first_of(": ");
    const std::string_view what = text.substr(0, gap);
    std::string_view which =
        gap == std::string_view::npos ? std::string_view() : trim(text.substr(gap));
    if (which.starts_with(':')) {
        which = trim(which.substr(1));
    }
    if (what == "bad") {
        out.spec.metric = Metric::bad_rate;
        auto events = measure::parse_bad_events(which);
        if (!events) {
            return wrong(std::move(events).error().message);
        }
        out.bad = *std::move(events);
        out.spec.events = telemetry::bad_text(out.bad);
        return {};
    }
    const auto timing = enum_value<Timing>(
        measure::k_timing_words, which == "gap" ? measure::to_string(Timing::chunk_gap) : which
    );
    const auto quantile = measure::percentile(what);
    if (quantile && timing && *timing != Timing::first_content && *timing != Timing::duration) {
        return fail(
            Code::usage,
            fmt::format("neither Prometheus nor an access log has {}", to_string(*timing)),
            "EXPR",
            Suggestion{"load", {names::limit, "p95 gap <= 2s"}} +
                ", or a playbook's gate, with probes"
        );
    }
    if (quantile && timing) {
        out.spec.metric = Metric::quantile;
        out.spec.quantile = *quantile;
        out.spec.timing = *timing;
        OA_TRY(out.bad, measure::parse_bad_events(""));
        return {};
    }
    return wrong(fmt::format(
        "'{}' is neither 'bad: WORDS' nor 'p95: TIME' (first_content or duration)",
        printable(trim(text), 60)
    ));
}

Result<void> read_limit(std::string_view text, GateExpr& out) {
    std::string_view limit = trim(text);
    constexpr std::string_view k_versus = "versus stable";
    const bool versus = limit.ends_with(k_versus);
    if (versus) {
        limit = trim(limit.substr(0, limit.size() - k_versus.size()));
    }
    auto read = config::read_limit(limit);
    if (!read) {
        return wrong(std::move(read).error().message);
    }
    const bool rise = read->unit == LimitUnit::points || read->unit == LimitUnit::relative;
    out.spec.against = versus || rise ? Against::stable : Against::limit;
    const LimitUnit unit = unit_of(out.spec.metric, out.spec.against);
    if (read->unit != unit) {
        return wrong(fmt::format(
            "'{}' does not limit {}{}, expected {}",
            printable(limit, 40),
            out.spec.metric == Metric::bad_rate ? "an error rate" : "a time",
            rise || versus ? " versus stable" : "",
            form_of(unit)
        ));
    }
    out.spec.limit = read->value;
    return {};
}

} // namespace

Result<GateExpr> parse_gate_expr(std::string_view text) {
    const std::size_t at = text.find("<=");
    if (at == std::string_view::npos) {
        return wrong("a gate has a measured value, '<=' and a limit");
    }
    GateExpr out;
    OA_CHECK(read_judged(text.substr(0, at), out));
    OA_CHECK(read_limit(text.substr(at + 2), out));
    out.spec.id = out.spec.metric != Metric::bad_rate   ? measure::quantile_id(out.spec)
                  : out.spec.against == Against::stable ? "error-rate-vs-stable"
                                                        : "error-rate";
    return out;
}

} // namespace oa_stream::cli
