#include "oa_stream/playbook/view.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace oa_stream::playbook {
namespace {

using measure::Against;
using measure::GateSpec;
using measure::Metric;

constexpr int k_bar = 10;

const GateSpec* find(const StageView& view, bool (*fits)(const GateSpec&)) {
    return view.gates == nullptr ? nullptr : find_if_or_null(*view.gates, fits);
}

bool limits_bad_rate(const GateSpec& gate) {
    return gate.metric == Metric::bad_rate && gate.against == Against::limit;
}

/// The gate judges the times that a stage line shows.
bool compares_first_content_p95(const GateSpec& gate) {
    return gate.metric == Metric::quantile && gate.against == Against::stable &&
           gate.timing == measure::Timing::first_content && gate.quantile == measure::k_p95;
}

struct Rates {
    std::string text;
    bool beyond = false;
};

/// Without colour a value beyond its limit must also be visible.
std::string sign(bool beyond) {
    return beyond ? ">" : "≤";
}

void add_bad_rate(const StageView& view, Rates& out) {
    const double rate = view.canary.rate();
    const GateSpec* gate = find(view, limits_bad_rate);
    const double limit = gate == nullptr ? 1 : gate->limit;
    const bool beyond = gate != nullptr && rate > limit;
    // No measurement so far is not 0 %.
    out.text += " bad " + (view.canary.total == 0 ? "–" : percent_text(rate, limit));
    if (gate != nullptr) {
        out.text += sign(beyond) + percent_text(limit, limit);
    }
    out.beyond = out.beyond || beyond;
}

void add_p95(const StageView& view, Rates& out) {
    if (!view.canary_p95_s) {
        return;
    }
    out.text += " p95 " + seconds_text(*view.canary_p95_s);
    const GateSpec* gate = find(view, compares_first_content_p95);
    if (gate == nullptr || !view.stable_p95_s || *view.stable_p95_s <= 0) {
        return;
    }
    const double stable = measure::raised_reference(*gate, *view.stable_p95_s);
    const double change = *view.canary_p95_s / stable - 1;
    const bool beyond = change > gate->limit;
    out.text += fmt::format(
        " {}{}{}",
        measure::signed_percent(change, gate->limit),
        sign(beyond),
        measure::signed_percent(gate->limit, gate->limit)
    );
    out.beyond = out.beyond || beyond;
}

std::string bar(double share) {
    const int full = std::clamp(static_cast<int>(share * k_bar), 0, k_bar);
    std::string out;
    for (int i = 0; i < k_bar; ++i) {
        out += i < full ? "█" : "░";
    }
    return out;
}

std::string counts_text(const std::vector<measure::Sample>& samples) {
    const auto counts = measure::count_bad(samples);
    return counts.total == 0 ? "-" : fmt::format("{}/{}", counts.bad, counts.total);
}

std::string p95_text(const std::vector<measure::Sample>& samples) {
    const auto p95 = measure::first_content_p95(samples);
    return p95 ? seconds_text(*p95) : "-";
}

/// `drill`: it also has the recovery of its users.
std::string recovery(const report::RollbackFacts& facts, bool drill) {
    std::string out = fmt::format(
        "rollback {}: {} in a row of {} fresh connections on the baseline",
        facts.verified ? "verified" : "NOT VERIFIED",
        facts.row,
        facts.probes
    );
    if (facts.user_visible_s && !drill) {
        out += fmt::format(", recovery {:.3f}s", *facts.user_visible_s - facts.decided_s);
    }
    if (facts.fault_s && facts.seen_s) {
        out += fmt::format(
            ", detection {:.3f}s, decision {:.3f}s",
            *facts.seen_s - *facts.fault_s,
            facts.decided_s - *facts.seen_s
        );
    }
    return out;
}

std::string drill_text(const report::DrillFacts& drill) {
    const auto recovery_s = drill.recovery_s();
    return fmt::format(
        "drill at {}: recovery as unpinned probes saw it {}, {} meanwhile, {} of them bad",
        drill.stage,
        recovery_s ? fmt::format("{:.3f}s", *recovery_s) : "NOT SEEN",
        counted(drill.users, "answer"),
        drill.users_bad
    );
}

std::string stage_table(const report::Report& report) {
    std::string out = fmt::format(
        "{:>7} {:>12} {:>12} {:>12} {:>12}  {}\n",
        "canary",
        "bad canary",
        "bad stable",
        "p95 canary",
        "p95 stable",
        "verdict"
    );
    for (const report::StageRow& row : report.stages) {
        out += fmt::format(
            "{:>7} {:>12} {:>12} {:>12} {:>12}  {}\n",
            row.name,
            counts_text(row.canary),
            counts_text(row.stable),
            p95_text(row.canary),
            p95_text(row.stable),
            report::verdict_word(row)
        );
    }
    return out;
}

std::string check_line(const Check& check, std::string_view word) {
    return fmt::format("  {:<12}  {}: {}\n", word, check.id, check.detail);
}

/// What a dry run did not do, but could have done.
std::string rehearsed_lines(const report::Report& report) {
    std::string out;
    for (const Check& check : report.checks) {
        if (check.mode == CheckMode::rehearsed && check.verdict == Verdict::pass) {
            out += check_line(check, "rehearsed");
        }
    }
    return out;
}

/// The failed checks, apart from the headline's.
std::string trouble_lines(const report::Report& report) {
    std::string out;
    bool skipped = false; // the headline shows the first one with that id
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        for (const Check& check : report.checks) {
            if (check.verdict != verdict) {
                continue;
            }
            if (!skipped && check.id == report.headline_check) {
                skipped = true;
                continue;
            }
            out += check_line(check, to_string(verdict));
        }
    }
    return out;
}

/// "2.7s", "9m40s", "30m": as exact as is useful to someone who waits.
std::string waiting(double seconds) {
    constexpr double k_tenths_below = 10;
    constexpr double k_seconds_below = 600;
    if (seconds < k_tenths_below) {
        return fmt::format("{:.1f}s", seconds);
    }
    return seconds < k_seconds_below
               ? format_duration(std::chrono::seconds(std::lround(seconds)))
               : format_duration(std::chrono::minutes(std::lround(seconds / 60)));
}

} // namespace

std::string stage_line(const StageView& view, const ViewStyle& style) {
    Rates rates;
    add_bad_rate(view, rates);
    add_p95(view, rates);
    const std::string where = fmt::format("{}/{}", view.index + 1, view.stages.size());
    const double window_s = view.elapsed_s + view.left_s;
    const std::string done = bar(window_s > 0 ? view.elapsed_s / window_s : 0);
    const auto later = static_cast<double>(view.later);
    const double all_s = view.left_s + later * view.bake_s;
    const double most_s = all_s + (later + (view.extended ? 0 : 1)) * view.extend_s;
    const std::string left = waiting(view.left_s) + " left";
    const std::string rest = waiting(all_s) == waiting(most_s)
                                 ? waiting(all_s)
                                 : fmt::format("{}–{}", waiting(all_s), waiting(most_s));
    // The end of a pause for an operator is unknown.
    const std::string brief = view.paused ? left : fmt::format("{}, {}", left, rest);
    const std::string both = view.paused ? left : brief + " in all";
    const std::string seen =
        fmt::format("| n {}+{}{}", view.canary.total, view.stable.total, rates.text);
    // When space is short, text that the numbers also show is dropped first.
    const std::array forms{
        fmt::format("stage {} canary {:>3}% {} {} {}", where, view.percent, done, both, seen),
        fmt::format("stage {} canary {:>3}% {} {}", where, view.percent, both, seen),
        fmt::format("{} at {}% {} {}", where, view.percent, both, seen),
        fmt::format("{} at {}% {} {}", where, view.percent, brief, seen),
        fmt::format("{} at {}% {} {}", where, view.percent, left, seen),
    };
    const auto room = static_cast<std::size_t>(style.width - 1); // a full last column wraps
    const auto fits = [room](const std::string& form) { return columns_of(form) <= room; };
    const auto* const found = std::ranges::find_if(forms, fits);
    const std::string line = found == forms.end() ? cut_to(forms.back(), room) : *found;
    return rates.beyond && style.colour ? painted(line, Verdict::fail) : line;
}

std::string summary(const report::Report& report) {
    std::string out = fmt::format("{}  {}\n", to_string(report.verdict), report.headline);
    if (!report.stages.empty()) {
        out += stage_table(report);
    }
    out += rehearsed_lines(report) + trouble_lines(report);
    if (report.rollback && !report.rollback->planned) {
        out += recovery(*report.rollback, report.drill.has_value()) + "\n";
    }
    if (report.drill) {
        out += drill_text(*report.drill) + "\n";
    }
    return report.target_keeps.empty() ? out : out + report.target_keeps + "\n";
}

} // namespace oa_stream::playbook
