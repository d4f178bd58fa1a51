#include "gate_expr.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/limit_expr.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using config::LimitUnit;
using measure::Against;
using measure::LimitExpr;
using measure::Metric;
using measure::Timing;

constexpr std::string_view k_example = "like 'bad: http_5xx | terminal_error <= 1%'";

std::unexpected<Error> wrong(std::string message) {
    return fail(Code::usage, std::move(message), "EXPR", std::string(k_example));
}

/// The unit of a limit for this metric.
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

Result<void> read_judged(const LimitExpr& expr, GateExpr& out) {
    if (expr.what == "bad") {
        out.spec.metric = Metric::bad_rate;
        auto events = measure::parse_bad_events(expr.which);
        if (!events) {
            return wrong(std::move(events).error().message);
        }
        out.bad = *std::move(events);
        out.spec.events = telemetry::bad_text(out.bad);
        return {};
    }
    const auto& timing = expr.timing;
    if (!expr.quantile || !timing) {
        return wrong(fmt::format(
            "'{}' is neither 'bad: WORDS' nor 'p95: TIME' (first_content or duration)",
            printable(expr.quantile ? expr.which : expr.what, 60)
        ));
    }
    if (*timing != Timing::first_content && *timing != Timing::duration) {
        return fail(
            Code::usage,
            fmt::format("neither Prometheus nor an access log has {}", to_string(*timing)),
            "EXPR",
            Suggestion{"load", {names::limit, "p95 gap <= 2s"}} +
                ", or a playbook's gate, with probes"
        );
    }
    out.spec.metric = Metric::quantile;
    out.spec.quantile = *expr.quantile;
    out.spec.timing = *timing;
    out.bad = telemetry::default_bad();
    return {};
}

Result<void> read_bound(const LimitExpr& expr, GateExpr& out) {
    const config::Limit& limit = expr.limit;
    const bool rise = limit.unit == LimitUnit::points || limit.unit == LimitUnit::relative;
    out.spec.against = expr.versus || rise ? Against::stable : Against::limit;
    const LimitUnit unit = unit_of(out.spec.metric, out.spec.against);
    if (limit.unit != unit) {
        return wrong(fmt::format(
            "'{}' does not limit {}{}, expected {}",
            printable(expr.bound, 40),
            out.spec.metric == Metric::bad_rate ? "an error rate" : "a time",
            rise || expr.versus ? " versus stable" : "",
            form_of(unit)
        ));
    }
    out.spec.limit = limit.value;
    return {};
}

} // namespace

Result<GateExpr> parse_gate_expr(std::string_view text) {
    const auto expr = measure::read_limit_expr(text);
    if (!expr) {
        return wrong(expr.error().message);
    }
    GateExpr out;
    OA_CHECK(read_judged(*expr, out));
    OA_CHECK(read_bound(*expr, out));
    out.spec.id = out.spec.metric != Metric::bad_rate   ? measure::quantile_id(out.spec)
                  : out.spec.against == Against::stable ? "error-rate-vs-stable"
                                                        : "error-rate";
    return out;
}

} // namespace oa_stream::cli
