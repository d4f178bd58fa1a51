#include "oa_stream/measure/budget.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "slo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

constexpr double k_minute_s = 60;
constexpr double k_hour_s = 3600;

const SourceReading* reading_of(std::span<const WindowReading> readings, double window_s) {
    const auto found = std::ranges::find(readings, window_s, &WindowReading::window_s);
    return found == readings.end() ? nullptr : &found->reading;
}

/// Why the reading has no numbers; empty when it has.
std::string objection(const SourceReading* reading) {
    if (reading == nullptr) {
        return "not asked";
    }
    if (reading->state == SourceReading::State::measured) {
        return {};
    }
    return reading->why.empty() ? "nothing is known" : reading->why;
}

std::string time_text(double seconds) {
    return format_duration(Millis(std::llround(seconds) * 1000));
}

} // namespace

std::string covered_text(const BudgetStatus& status) {
    const std::string window = time_text(status.question.window_s);
    return coverage(status.covered_s, status.question.window_s).share >= 1
               ? "all of " + window
               : fmt::format("{} of {}", time_text(status.covered_s), window);
}

namespace {

double unread_of(const SourceReading& reading) {
    return std::ceil(std::clamp(reading.unread + reading.uncovered_requests, 0.0, 1e15));
}

/// The request counts if the source erred in that direction.
Counts as_may_have_been(const SourceReading& reading, bool bad) {
    return as_may_have_been(reading, unread_of(reading), bad);
}

BurnStatus burn_of(
    const BudgetQuestion& question, const BurnPair& pair, std::span<const WindowReading> readings
) {
    BurnStatus out{.pair = pair};
    const double long_s = pair.long_minutes * k_minute_s;
    const double short_s = pair.short_minutes * k_minute_s;
    const SourceReading* longer = reading_of(readings, long_s);
    const SourceReading* shorter = reading_of(readings, short_s);
    out.why = objection(longer);
    if (!out.why.empty()) {
        return out;
    }
    // Without the short window the long window's result is still known: it shows how long the
    // budget lasts.
    out.why = objection(shorter);
    out.events = longer->tally.requests;
    out.covered = coverage(longer->covered_s, long_s).share;
    const auto rate = [&](Counts in_long, Counts in_short) {
        return burn_rate({
            .objective = question.objective,
            .threshold = pair.factor,
            .long_window = in_long,
            .short_window = in_short,
            .least_bad = question.least_bad,
            .least_total = question.least_total,
        });
    };
    const Counts in_short = out.why.empty() ? shorter->tally.requests : Counts{};
    out.rate = rate(out.events, in_short);
    if (out.why.empty()) {
        const bool bad = !out.rate.firing;
        const BurnRate other =
            rate(as_may_have_been(*longer, bad), as_may_have_been(*shorter, bad));
        out.inexact = unread_of(*longer) == 0 && unread_of(*shorter) == 0;
        out.unsure = other.firing != out.rate.firing;
    }
    return out;
}

void add_exhaustion(BudgetStatus& status) {
    if (!status.budget) {
        return;
    }
    for (const BurnStatus& burn : status.burns) {
        const auto& rate = burn.rate.long_window.burn_rate;
        if (!rate || burn.unsure || burn.events.total < status.question.least_total) {
            continue;
        }
        const double period = status.question.window_s / k_hour_s;
        status.hours_to_exhaustion = hours_left(status.budget->remaining, *rate, period);
        status.exhaustion_by = burn.pair.long_word;
        return;
    }
}

std::string why_not(const BudgetStatus& status, const SourceReading* reading) {
    if (std::string why = objection(reading); !why.empty()) {
        return why;
    }
    if (!status.coverage.enough) {
        const bool all = status.question.window_s < k_least_covered_s;
        return fmt::format(
            "only {} have data, {}",
            covered_text(status),
            all ? "the whole window is needed" : "an hour is the least"
        );
    }
    if (!status.budget) {
        return "no requests in the window, so the objective is not proven";
    }
    return {};
}

Json to_json(const BurnStatus& burn) {
    Json out{
        {"severity", burn.pair.severity},
        {"factor", burn.pair.factor.value()},
        {"long", burn.pair.long_word},
        {"short", burn.pair.short_word},
        {"measured", burn.why.empty()},
    };
    if (!burn.why.empty()) {
        out["why"] = burn.why;
        return out;
    }
    out["long_burn"] = or_null(burn.rate.long_window.burn_rate);
    out["short_burn"] = or_null(burn.rate.short_window.burn_rate);
    out["long_bad"] = burn.events.bad;
    out["long_total"] = burn.events.total;
    out["long_covered"] = burn.covered;
    out["firing"] = burn.rate.firing;
    out["unsure"] = burn.unsure;
    return out;
}

} // namespace

std::optional<BudgetRange> range_of(const BudgetStatus& status) {
    const auto least = error_budget(status.at_best, status.question.objective, {0, 1});
    const auto most = error_budget(status.at_worst, status.question.objective, {0, 1});
    return status.budget && least && most ? std::optional(BudgetRange{*least, *most})
                                          : std::nullopt;
}

std::vector<double> budget_windows(double window_s) {
    std::vector<double> more;
    for (const BurnPair& pair : k_burn_pairs) {
        for (const std::uint32_t minutes : {pair.short_minutes, pair.long_minutes}) {
            const double seconds = minutes * k_minute_s;
            if (pair.long_minutes * k_minute_s <= window_s && seconds != window_s) {
                more.push_back(seconds);
            }
        }
    }
    std::ranges::sort(more);
    const auto repeated = std::ranges::unique(more);
    more.erase(repeated.begin(), repeated.end());
    more.insert(more.begin(), window_s);
    return more;
}

BudgetStatus
budget_status(const BudgetQuestion& question, std::span<const WindowReading> readings) {
    BudgetStatus out{.question = question};
    const SourceReading* whole = reading_of(readings, question.window_s);
    if (whole != nullptr) {
        out.source = whole->source;
        out.query = whole->query;
        out.notes = whole->notes;
        out.newest_s = whole->newest_s;
        out.covered_s = whole->covered_s;
        out.events = whole->tally.requests;
        out.unread = static_cast<std::uint64_t>(unread_of(*whole));
        out.at_best = as_may_have_been(*whole, false);
        out.at_worst = as_may_have_been(*whole, true);
        out.uncovered = whole->uncovered;
        out.coverage = coverage(whole->covered_s, question.window_s);
        out.budget = error_budget(out.events, question.objective, {0, 1});
        const auto range = range_of(out);
        if (range && out.budget && std::isfinite(range->most.consumed)) {
            const double used = out.budget->consumed;
            out.blur = std::max(range->most.consumed - used, used - range->least.consumed);
        }
    }
    for (const BurnPair& pair : k_burn_pairs) {
        if (pair.long_minutes * k_minute_s <= question.window_s) {
            out.burns.push_back(burn_of(question, pair, readings));
            const BurnStatus& last = out.burns.back();
            out.burning = out.burning || (last.rate.firing && !last.unsure);
        }
    }
    add_exhaustion(out);
    out.why = why_not(out, whole);
    return out;
}

Check budget_check(const BudgetStatus& status, Fraction at_most, std::string id) {
    Check check;
    check.id = std::move(id);
    check.data = to_json(status);
    check.data["at_most"] = at_most.value();
    if (!status.why.empty() || !status.budget) {
        check.verdict = Verdict::inconclusive;
        check.detail = "the budget cannot be judged: " + status.why;
        return check;
    }
    const auto exact = error_budget(status.events, status.question.objective, at_most);
    const bool within = exact && exact->within;
    const double limit = at_most.value();
    const double used = status.budget->consumed;
    const auto other =
        error_budget(within ? status.at_worst : status.at_best, status.question.objective, at_most);
    const bool turns = other && other->within != within;
    check.verdict = turns ? Verdict::inconclusive : within ? Verdict::pass : Verdict::fail;
    check.detail = fmt::format(
        "{} consumed ({} bad of {}; {} covered), at most {} may be{}",
        percent_text(used, limit),
        status.events.bad,
        status.events.total,
        covered_text(status),
        percent_text(limit, limit),
        turns ? fmt::format("; right to ±{}, so not decided", percent_text(status.blur)) : ""
    );
    if (turns && !status.uncovered.empty()) {
        check.detail += ": " + status.uncovered;
    }
    return check;
}

namespace {

/// Advice on how to get an unmeasured pair measured.
std::string burn_mend(const BudgetStatus& status, const BurnPair& pair) {
    constexpr double k_scrapes = 4; // fewer scrapes do not show a window's content
    if (!status.source.starts_with("prometheus")) {
        return fmt::format("the log must be written to within the last {}", pair.short_word);
    }
    return fmt::format(
        "scrape the lane every {} or more often",
        time_text(std::floor(pair.short_minutes * k_minute_s / k_scrapes))
    );
}

} // namespace

Check status_check(const BudgetStatus& status, std::string id) {
    Check check = budget_check(status, {1, 1}, std::move(id));
    const auto burning = std::ranges::find_if(status.burns, [](const BurnStatus& burn) {
        return burn.rate.firing && !burn.unsure;
    });
    const auto unsure = std::ranges::find_if(status.burns, &BurnStatus::unsure);
    const auto unknown = std::ranges::find_if(status.burns, [](const BurnStatus& burn) {
        return !burn.why.empty();
    });
    if (burning != status.burns.end() && check.verdict != Verdict::fail) {
        check.verdict = Verdict::fail;
        check.detail += fmt::format(
            "; burning: {} above {:g} times the even rate",
            burning->pair.long_word,
            burning->pair.factor.value()
        );
    } else if (unsure != status.burns.end() && check.verdict == Verdict::pass) {
        check.verdict = Verdict::inconclusive;
        check.detail += fmt::format(
            "; whether it burns is unknown: {}/{}: {} may decide it",
            unsure->pair.long_word,
            unsure->pair.short_word,
            unsure->inexact ? "the error of its counts" : "requests that could not be read"
        );
    } else if (unknown != status.burns.end() && check.verdict == Verdict::pass) {
        check.verdict = Verdict::inconclusive;
        check.detail += fmt::format(
            "; whether it burns is unknown: {}/{}: {}; {}",
            unknown->pair.long_word,
            unknown->pair.short_word,
            unknown->why,
            burn_mend(status, unknown->pair)
        );
    }
    return check;
}

Json to_json(const BudgetStatus& status) {
    Json out{
        {"slo", status.question.name},
        {"objective", status.question.objective.value()},
        {"window_s", status.question.window_s},
        {"known", status.why.empty()},
        {"why", status.why},
        {"bad", status.events.bad},
        {"total", status.events.total},
        {"consumed", nullptr},
        {"left", nullptr},
        {"sli", nullptr},
        {"blur", or_null(status.blur)},
        {"unread", status.unread},
        {"covered_s", status.covered_s},
        {"covered", status.coverage.share},
        {"newest_s", status.newest_s},
        {"burning", status.burning},
        {"hours_to_exhaustion", or_null(status.hours_to_exhaustion)},
        {"exhaustion_by", status.exhaustion_by},
        {"burn_rates", Json::array()},
        {"source", status.source},
        {"query", status.query},
        {"notes", status.notes},
    };
    if (status.budget) {
        out["consumed"] = or_null(status.budget->consumed);
        out["left"] = or_null(status.budget->remaining);
        out["sli"] = status.budget->sli;
    }
    for (const BurnStatus& burn : status.burns) {
        out["burn_rates"].push_back(to_json(burn));
    }
    return out;
}

} // namespace oa_stream::measure
