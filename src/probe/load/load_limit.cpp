// Limits of a load run: read from one line, judged with the statistics of the gates.
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/limit_expr.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/probe/load.hpp"

#include "stream/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {
namespace {

/// If more requests than this share are late, load itself lacks processor time.
constexpr double k_starved_share = 0.05;
constexpr std::string_view k_examples = "'p99 first_content <= 2s' or 'bad <= 1%'";

std::unexpected<Error> no_limit(std::string_view text, std::string_view why) {
    return fail(
        Code::usage,
        fmt::format("'{}' is not a limit: {}", printable(text, 60), why),
        {},
        std::string(k_examples)
    );
}

bool is_share(std::string_view word) {
    if (word == "bad" || word == "dropped" || word == "late") {
        return true;
    }
    return std::ranges::any_of(outcome_rules(), [&](const OutcomeRule& rule) {
        return rule.outcome != Outcome::cancelled && to_string(rule.outcome) == word;
    });
}

const Times* times_of(const LoadTotals& totals, std::string_view what) {
    if (what == "gap") {
        return &totals.gaps;
    }
    for (std::size_t i = 0; i < k_load_clocks.size(); ++i) {
        if (to_string(k_load_clocks[i]) == what) {
            return &totals.from_plan[i];
        }
    }
    return nullptr;
}

std::string clock_words() {
    std::string out;
    for (const LoadClock clock : k_load_clocks) {
        out += fmt::format("{}{}", out.empty() ? "" : ", ", to_string(clock));
    }
    return out;
}

Result<LoadLimit> share_of(std::string_view text, const measure::LimitExpr& expr) {
    if (!is_share(expr.what) || !expr.which.empty()) {
        return no_limit(
            text,
            fmt::format(
                "nothing is counted as '{}'",
                printable(expr.which.empty() ? expr.what : expr.which, 40)
            )
        );
    }
    if (expr.limit.unit != config::LimitUnit::share || expr.limit.value <= 0) {
        return no_limit(text, "expected a share like 1%, above 0%");
    }
    return LoadLimit{
        .text = std::string(text),
        .id = fmt::format("limit.{}", expr.what),
        .what = std::string(expr.what),
        .limit = expr.limit.value,
    };
}

/// Gates and access logs have other names for two of the times.
std::string_view clock_of(const measure::LimitExpr& expr) {
    if (expr.timing == measure::Timing::chunk_gap) {
        return "gap";
    }
    return expr.timing == measure::Timing::duration ? to_string(LoadClock::end) : expr.which;
}

Result<LoadLimit> time_of(std::string_view text, const measure::LimitExpr& expr) {
    const std::string_view clock = clock_of(expr);
    if (times_of(LoadTotals{}, clock) == nullptr) {
        return no_limit(
            text, fmt::format("'{}' is none of {} or gap", printable(clock, 40), clock_words())
        );
    }
    if (expr.limit.unit != config::LimitUnit::seconds || expr.limit.value <= 0) {
        return no_limit(text, "expected a time like 2.5s");
    }
    return LoadLimit{
        .text = std::string(text),
        .id = fmt::format("limit.{}-{}", expr.what, clock),
        .quantile = expr.quantile,
        .what = std::string(clock),
        .limit = expr.limit.value,
    };
}

Verdict decide(measure::Interval bounds, double limit) {
    if (bounds.low > limit) {
        return Verdict::fail;
    }
    return bounds.high > limit ? Verdict::inconclusive : Verdict::pass;
}

std::string_view words_for(Verdict verdict) {
    if (verdict == Verdict::inconclusive) {
        return "not decided against";
    }
    return verdict == Verdict::pass ? "within" : "beyond";
}

Json bound_json(double value) {
    return value == measure::k_infinite ? Json("inf") : Json(value);
}

Check check_of(const LoadLimit& limit, Verdict verdict, double confidence) {
    Check check{.id = limit.id, .verdict = verdict};
    check.data["limit"] = limit.limit;
    check.data["confidence"] = confidence;
    check.data["rule"] = limit.text;
    check.data["source"] = "load";
    return check;
}

Check undecided(const LoadLimit& limit, double confidence, std::string why) {
    Check check = check_of(limit, Verdict::inconclusive, confidence);
    check.detail = fmt::format("{}: {}", limit.text, why);
    return check;
}

/// The base of a share, and what is certain about all requests.
struct Shares {
    measure::Counts judged{};
    measure::Counts at_least{}; ///< includes leaving readers; all that left count as good
    std::uint64_t waited_out = 0; ///< each may be bad or good
};

Shares shares_of(const LoadLimit& limit, const LoadTotals& totals) {
    const LoadJudged& judged = totals.judged;
    const LoadJudged& leaving = totals.leaving;
    if (limit.what == "bad") {
        return {
            {judged.bad, judged.n},
            {judged.bad + leaving.bad, judged.n + leaving.n},
            totals.waited_out,
        };
    }
    // Whether and when a request is sent is decided before its reader can leave.
    if (limit.what == "late") {
        const measure::Counts late{totals.measured_late, totals.measured_sent};
        return {late, late, 0};
    }
    if (limit.what == "dropped") {
        const measure::Counts dropped{
            judged.count("dropped") + leaving.count("dropped"), totals.measured
        };
        return {dropped, dropped, 0};
    }
    // A request that was never sent has no ending.
    const std::uint64_t ended = judged.n - judged.count("dropped");
    const std::uint64_t some = judged.count(limit.what);
    return {
        {some, ended},
        {some + leaving.count(limit.what), ended + leaving.n - leaving.count("dropped")},
        totals.waited_out,
    };
}

std::string nobody_judged(const LoadTotals& totals) {
    return totals.measured == 0
               ? std::string("no request was measured")
               : fmt::format(
                     "none of {} measured requests can be judged: their readers leave on purpose, "
                     "or they were cut off by the end of the run, or never sent",
                     totals.measured
                 );
}

/// Beyond the limit even if all readers that left count as good.
bool proven_by_leaving(const LoadLimit& limit, measure::Counts at_least, double confidence) {
    const auto bounds = measure::exact_bounds(at_least, confidence);
    return bounds && decide(*bounds, limit.limit) == Verdict::fail;
}

/// Within the limit even if all requests without an end after the drain are bad.
bool holds_for_all(
    const LoadLimit& limit, measure::Counts counts, std::uint64_t waited_out, double confidence
) {
    const auto bounds =
        measure::exact_bounds({counts.bad + waited_out, counts.total + waited_out}, confidence);
    return bounds && decide(*bounds, limit.limit) == Verdict::pass;
}

Check judge_share(const LoadLimit& limit, const LoadTotals& totals, double confidence) {
    auto [counts, at_least, waited_out] = shares_of(limit, totals);
    auto bounds = measure::exact_bounds(counts, confidence);
    if ((!bounds || decide(*bounds, limit.limit) != Verdict::fail) &&
        proven_by_leaving(limit, at_least, confidence)) {
        counts = at_least;
        bounds = measure::exact_bounds(counts, confidence);
    }
    if (!bounds) {
        return undecided(limit, confidence, nobody_judged(totals));
    }
    Check check = check_of(limit, decide(*bounds, limit.limit), confidence);
    const bool in_doubt =
        check.verdict == Verdict::pass && !holds_for_all(limit, counts, waited_out, confidence);
    check.verdict = in_doubt ? Verdict::inconclusive : check.verdict;
    const auto text = [&](double share) { return percent_text(share, limit.limit); };
    check.detail = fmt::format(
        "{} {} ({} of {}; {} to {} at {}), {} the limit of {}",
        limit.what,
        text(counts.rate()),
        counts.bad,
        counts.total,
        text(bounds->low),
        text(bounds->high),
        percent_text(confidence),
        words_for(check.verdict),
        text(limit.limit)
    );
    if (in_doubt) {
        check.detail += fmt::format(
            ": {} more had not ended when the load stopped waiting, and could break it: wait "
            "longer",
            waited_out
        );
    } else if (check.verdict == Verdict::inconclusive) {
        if (const auto need = measure::needed_for_limit(counts.bad, limit.limit, confidence);
            need && *need > counts.total) {
            check.detail += fmt::format(": needs n ≥ {}", *need);
            check.data["needs_n"] = *need;
        }
    }
    check.data["value"] = counts.rate();
    check.data["low"] = bounds->low;
    check.data["high"] = bounds->high;
    check.data["n"] = counts.total;
    check.data["bad"] = counts.bad;
    return check;
}

measure::Interval time_bounds(const Times& times, measure::Fraction q, double confidence) {
    const auto low = measure::lower_rank(times.n(), q, confidence);
    const auto high = measure::upper_rank(times.n(), q, confidence);
    const double error = times.relative_error();
    return {
        low ? times.at_rank(low->rank) * (1 - error) : 0,
        high ? times.at_rank(high->rank) * (1 + error) : measure::k_infinite,
    };
}

Check judge_time(
    const LoadLimit& limit, measure::Fraction q, const Times& times, double confidence
) {
    const auto value = times.percentile(q);
    if (!value) {
        return undecided(limit, confidence, "no request was measured");
    }
    const measure::Interval bounds = time_bounds(times, q, confidence);
    Check check = check_of(limit, decide(bounds, limit.limit), confidence);
    const auto text = [&](double seconds) { return seconds_text(seconds, limit.limit); };
    check.detail = fmt::format(
        "{} {} (n {}; {} to {} at {}), {} the limit of {}",
        limit.id.substr(std::string_view("limit.").size()),
        text(*value),
        times.n(),
        text(bounds.low),
        bounds.high == measure::k_infinite && *value != measure::k_infinite ? "no upper bound"
                                                                            : text(bounds.high),
        percent_text(confidence),
        words_for(check.verdict),
        text(limit.limit)
    );
    const std::uint64_t need = measure::needed_for_upper_rank(q, confidence);
    if (check.verdict == Verdict::inconclusive && times.n() < need) {
        check.detail += fmt::format(": needs n ≥ {}", need);
        check.data["needs_n"] = need;
    }
    check.data["value"] = bound_json(*value);
    check.data["low"] = bound_json(bounds.low);
    check.data["high"] = bound_json(bounds.high);
    check.data["n"] = times.n();
    return check;
}

/// Requests were sent late because of our own lack of time, and without that delay the times may
/// keep the limit: the failure may be ours. Gaps are measured within the answer and not affected.
bool starved(
    const LoadLimit& limit,
    measure::Fraction q,
    const LoadTotals& totals,
    const Times& times,
    double confidence
) {
    const measure::Counts late{totals.measured_late, totals.measured_sent};
    if (limit.what == "gap" || late.total == 0 || late.rate() < k_starved_share) {
        return false;
    }
    const double low = time_bounds(times, q, confidence).low;
    return low != measure::k_infinite && low - totals.start_delay.max() <= limit.limit;
}

} // namespace

Result<LoadLimit> parse_load_limit(std::string_view text) {
    const auto expr = measure::read_limit_expr(text);
    if (!expr) {
        return no_limit(text, expr.error().message);
    }
    if (expr->versus) {
        return no_limit(text, "a load has one target, and no stable");
    }
    return expr->quantile ? time_of(text, *expr) : share_of(text, *expr);
}

Check judge_limit(const LoadLimit& limit, const LoadTotals& totals, double confidence) {
    if (limit.quantile) {
        const Times& times = *times_of(totals, limit.what);
        Check check = judge_time(limit, *limit.quantile, times, confidence);
        if (check.verdict == Verdict::fail &&
            starved(limit, *limit.quantile, totals, times, confidence)) {
            check.verdict = Verdict::inconclusive;
            check.detail += fmt::format(
                "; not decided: load itself sent {} of {} requests late, up to {} after their "
                "time, and these times hold that delay",
                totals.measured_late,
                totals.measured_sent,
                seconds_text(totals.start_delay.max())
            );
        }
        return check;
    }
    return judge_share(limit, totals, confidence);
}

} // namespace oa_stream::probe
