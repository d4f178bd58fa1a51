#include "load_view.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace oa_stream::cli {

namespace {

using probe::LoadTotals;
using probe::Times;

std::string time_text(std::optional<double> seconds) {
    if (!seconds) {
        return "-";
    }
    if (*seconds < 0.01) {
        return fmt::format("{:.2f}ms", *seconds * 1e3);
    }
    return seconds_text(*seconds);
}

std::string row(std::string_view name, const Times& times) {
    return fmt::format(
        "  {:<15}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n",
        name,
        times.n(),
        time_text(times.percentile({50, 100})),
        time_text(times.percentile({90, 100})),
        time_text(times.percentile({95, 100})),
        time_text(times.percentile({99, 100})),
        time_text(times.percentile({999, 1000})),
        time_text(times.n() == 0 ? std::nullopt : std::optional(times.max()))
    );
}

std::string table(const LoadTotals& totals) {
    std::string out = fmt::format(
        "  from the planned sending, ±{:.1g}%\n  {:<15}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n",
        totals.gaps.relative_error() * report::k_percent,
        "",
        "n",
        "p50",
        "p90",
        "p95",
        "p99",
        "p99.9",
        "max"
    );
    for (std::size_t i = 0; i < probe::k_load_clocks.size(); ++i) {
        out += row(to_string(probe::k_load_clocks[i]), totals.from_plan[i]);
    }
    out += "  from the real sending\n";
    for (std::size_t i = 0; i < probe::k_load_clocks.size(); ++i) {
        const probe::LoadClock clock = probe::k_load_clocks[i];
        if (clock == probe::LoadClock::first_content || clock == probe::LoadClock::end) {
            out += row(to_string(clock), totals.from_send[i]);
        }
    }
    return out + row("start delay", totals.start_delay) + row("chunk gap", totals.gaps);
}

std::string endings(const LoadTotals& totals) {
    std::string out;
    for (const auto& [word, count] : totals.outcomes) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", word, count);
    }
    return out.empty() ? "none" : out;
}

std::string rate_line(const LoadOutcome& outcome) {
    const LoadTotals& totals = outcome.totals;
    std::string out = fmt::format("achieved {:.2f}/s", totals.achieved_per_second());
    if (outcome.target_per_second > 0) {
        out += fmt::format(" of {}/s", outcome.target_per_second);
    }
    if (outcome.counted) {
        out += fmt::format("; the target counted {}", *outcome.counted);
    }
    return out;
}

Json clocks_json(const std::array<Times, probe::k_load_clocks.size()>& clocks) {
    Json out = Json::object();
    for (std::size_t i = 0; i < clocks.size(); ++i) {
        out[std::string(to_string(probe::k_load_clocks[i]))] = clocks[i].to_json();
    }
    return out;
}

Json counts_json(const LoadTotals& totals) {
    Json out;
    out["planned"] = totals.planned;
    out["sent"] = totals.sent;
    out["late"] = totals.late;
    out["dropped"] = totals.dropped;
    out["ended"] = totals.ended;
    out["unfinished"] = totals.unfinished;
    out["measured"] = totals.measured;
    out["judged"] = totals.judged.n;
    out["bad"] = totals.judged.bad;
    out["slow_readers"] = totals.slow;
    out["leaving_readers"] = totals.left;
    out["chunks"] = totals.chunks;
    out["bytes"] = totals.bytes;
    return out;
}

Check make(std::string id, Verdict verdict, std::string detail) {
    return make_check("load." + std::move(id), verdict, std::move(detail));
}

Check ran(const LoadOutcome& outcome) {
    const LoadTotals& totals = outcome.totals;
    if (!totals.stopped.empty()) {
        const bool by_operator = totals.stopped == "interrupted";
        return make(
            "ran",
            by_operator ? Verdict::inconclusive : Verdict::fail,
            "ended before its time: " + totals.stopped
        );
    }
    return make(
        "ran",
        Verdict::pass,
        fmt::format("{}, {} sent", outcome.plan, counted(totals.sent, "request"))
    );
}

// A load that was not applied at the requested rate shows little about the target, whatever it
// measured.
Check rate(const LoadOutcome& outcome) {
    constexpr double k_tolerance = 0.01;
    const double achieved = outcome.totals.achieved_per_second();
    const double off = std::abs(achieved / outcome.target_per_second - 1);
    std::string text =
        fmt::format("sent {:.2f} per second of {} asked for", achieved, outcome.target_per_second);
    if (outcome.totals.dropped > 0) {
        text += fmt::format(
            "; {} were due while {} was reached and were dropped",
            outcome.totals.dropped,
            names::max_in_flight
        );
    }
    Check check = make("rate", off <= k_tolerance ? Verdict::pass : Verdict::inconclusive, text);
    check.data["target"] = outcome.target_per_second;
    check.data["achieved"] = achieved;
    return check;
}

Check contract_kept(const LoadTotals& totals) {
    return make(
        "contract",
        totals.broken == 0 ? Verdict::pass : Verdict::fail,
        totals.broken == 0
            ? fmt::format("no stream of {} broke the contract", totals.ended)
            : fmt::format(
                  "{} of {} broke the contract", totals.broken, counted(totals.ended, "stream")
              )
    );
}

Check counter(const LoadOutcome& outcome) {
    constexpr double k_tolerance = 0.01;
    if (!outcome.counted) {
        Check check = make(
            "counter",
            Verdict::skipped,
            outcome.counts ? "the target's count of the whole load could not be read"
                           : "the target shows no /metrics that count"
        );
        check.required = false;
        return check;
    }
    const auto sent = static_cast<double>(outcome.totals.sent);
    const double off = sent > 0 ? std::abs(static_cast<double>(*outcome.counted) / sent - 1) : 0;
    Check check = make(
        "counter",
        off <= k_tolerance ? Verdict::pass : Verdict::inconclusive,
        fmt::format(
            "the target counted {} of {} sent",
            *outcome.counted,
            counted(outcome.totals.sent, "request")
        )
    );
    check.data["counted"] = *outcome.counted;
    check.data["sent"] = outcome.totals.sent;
    return check;
}

} // namespace

std::optional<Check> removed_footprint(const probe::Removal& removal) {
    const std::uint64_t opened = removal.removed + removal.left.size();
    if (opened == 0) {
        return std::nullopt;
    }
    Check check = make(
        "footprint", Verdict::pass, counted(opened, "conversation") + probe::removed_text(removal)
    );
    check.required = false;
    check.data["conversations"] = probe::to_json(removal);
    return check;
}

std::optional<Check> interrupted_footprint(std::vector<std::string> threads) {
    const probe::Removal kept{
        .left = std::move(threads), .why = "interrupted before all were removed"
    };
    auto check = removed_footprint(kept);
    if (check) {
        check->leave_out();
        check->detail = probe::left_text(kept);
    }
    return check;
}

std::string plan_text(const probe::LoadOptions& options) {
    std::string out = options.per_second > 0 ? fmt::format("{:.4g}/s", options.per_second)
                                             : counted(options.concurrency, "user");
    out += " for " + format_duration(options.duration);
    if (options.ramp.count() > 0) {
        out += " after a ramp of " + format_duration(options.ramp);
    }
    return options.requests == 0 ? out : out + fmt::format(", at most {}", options.requests);
}

std::vector<Check> load_checks(const LoadArgs& args, const LoadOutcome& outcome) {
    std::vector<Check> checks{ran(outcome)};
    if (outcome.target_per_second > 0) {
        checks.push_back(rate(outcome));
    }
    checks.push_back(contract_kept(outcome.totals));
    checks.push_back(counter(outcome));
    for (const probe::LoadLimit& limit : args.limits) {
        checks.push_back(probe::judge_limit(limit, outcome.totals, args.confidence));
        checks.back().id = "load." + checks.back().id;
        if (limit.what == "bad" && !outcome.totals.example.empty()) {
            checks.back().detail += "; the first: " + printable(outcome.totals.example, 200);
        }
    }
    return checks;
}

Json load_figures(const LoadOutcome& outcome) {
    const LoadTotals& totals = outcome.totals;
    Json out;
    out["plan"] = outcome.plan;
    out["authority"] = outcome.authority;
    out["rate"]["target"] =
        outcome.target_per_second > 0 ? Json(outcome.target_per_second) : Json(nullptr);
    out["rate"]["achieved"] = totals.achieved_per_second();
    out["rate"]["seconds"] = totals.seconds;
    out["counted_by_target"] = outcome.counted ? Json(*outcome.counted) : Json(nullptr);
    out["counts"] = counts_json(totals);
    out["endings"] = totals.outcomes;
    out["relative_error"] = totals.gaps.relative_error();
    out["from_planned"] = clocks_json(totals.from_plan);
    out["from_sent"] = clocks_json(totals.from_send);
    out["start_delay"] = totals.start_delay.to_json();
    out["chunk_gap"] = totals.gaps.to_json();
    out["unlisted"] = outcome.unlisted;
    return out;
}

std::string load_text(
    std::string_view target,
    Verdict verdict,
    const std::vector<Check>& checks,
    const LoadOutcome& outcome
) {
    const LoadTotals& totals = outcome.totals;
    std::string out = fmt::format("{}  load  {}  {}\n", to_string(verdict), target, outcome.plan);
    if (totals.planned > 0) {
        out += fmt::format(
            "  {} planned, {} sent ({} late), {} dropped, {} unfinished; {}\n  endings: {}\n",
            totals.planned,
            totals.sent,
            totals.late,
            totals.dropped,
            totals.unfinished,
            rate_line(outcome),
            endings(totals)
        );
        out += table(totals);
    }
    return out + check_rows(checks);
}

std::string progress_line(const probe::LoadSecond& second, const LoadTotals& totals, double all_s) {
    const auto p99 = second.first_content.percentile({99, 100});
    const double left_s = std::max(0.0, all_s - static_cast<double>(second.second + 1));
    return fmt::format(
        "{:.0f}s left  sent {}/s  in flight {}  bad {} of {}  dropped {}  p99 {}",
        left_s,
        second.sent,
        second.in_flight,
        totals.judged.bad,
        totals.judged.n,
        totals.dropped,
        time_text(p99)
    );
}

} // namespace oa_stream::cli
