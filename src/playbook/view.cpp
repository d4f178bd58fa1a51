#include "oa_stream/playbook/view.hpp"

#include "oa_stream/measure/quantile.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

using measure::Against;
using measure::GateSpec;
using measure::Metric;

constexpr std::string_view k_red = "\x1b[31m";
constexpr std::string_view k_green = "\x1b[32m";
constexpr std::string_view k_yellow = "\x1b[33m";
constexpr std::string_view k_plain = "\x1b[0m";
constexpr int k_bar = 10;

std::string painted(std::string_view text, std::string_view colour, const ViewStyle& style) {
    return style.colour ? fmt::format("{}{}{}", colour, text, k_plain) : std::string(text);
}

std::string_view colour_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return k_green;
    case Verdict::fail:
    case Verdict::error:
        return k_red;
    case Verdict::inconclusive:
    case Verdict::skipped:
        break;
    }
    return k_yellow;
}

/// Cut to `columns` code points; escape sequences are added afterwards.
std::string fit(const std::string& text, int columns) {
    int seen = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
        if (begins && ++seen > columns) {
            return text.substr(0, i);
        }
    }
    return text;
}

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

const GateSpec* find(const StageView& view, Metric metric, Against against) {
    if (view.gates == nullptr) {
        return nullptr;
    }
    const auto found = std::ranges::find_if(*view.gates, [&](const GateSpec& gate) {
        return gate.metric == metric && gate.against == against;
    });
    return found == view.gates->end() ? nullptr : &*found;
}

struct Rates {
    std::string text;
    bool beyond = false;
};

void add_bad_rate(const StageView& view, Rates& out) {
    const double rate = view.canary.rate();
    const GateSpec* gate = find(view, Metric::bad_rate, Against::limit);
    const double limit = gate == nullptr ? 1 : gate->limit;
    out.text += " bad " + measure::percent_text(rate, limit);
    if (gate != nullptr) {
        out.text += "≤" + measure::percent_text(limit, -1);
        out.beyond = out.beyond || rate > limit;
    }
}

void add_p95(const StageView& view, Rates& out) {
    if (!view.canary_p95_s) {
        return;
    }
    out.text += " p95 " + measure::seconds_text(*view.canary_p95_s, -1);
    const GateSpec* gate = find(view, Metric::first_content_p95, Against::stable);
    if (gate == nullptr || !view.stable_p95_s || *view.stable_p95_s <= 0) {
        return;
    }
    const double change = *view.canary_p95_s / *view.stable_p95_s - 1;
    out.text += fmt::format(" {:+.0f}%≤{:+.0f}%", change * 100, gate->limit * 100);
    out.beyond = out.beyond || change > gate->limit;
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
    return fmt::format("{}/{}", counts.bad, counts.total);
}

std::string p95_text(const std::vector<measure::Sample>& samples) {
    const auto times = measure::first_content_sorted(samples);
    return times.empty()
               ? "-"
               : measure::seconds_text(measure::quantile_sorted(times, measure::k_p95), -1);
}

std::string recovery(const evidence::RollbackFacts& facts) {
    std::string out = fmt::format(
        "rollback {}: {} in a row of {} fresh connections on the baseline",
        facts.verified ? "verified" : "NOT VERIFIED",
        facts.row,
        facts.probes
    );
    if (facts.user_visible_s) {
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

std::string drill_text(const evidence::DrillFacts& drill) {
    const auto recovery_s = drill.recovery_s();
    return fmt::format(
        "drill at {}: recovery as users saw it {}, {} users meanwhile, {} of them hit",
        drill.stage,
        recovery_s ? fmt::format("{:.3f}s", *recovery_s) : "NOT SEEN",
        drill.users,
        drill.users_bad
    );
}

/// Broken between words; what follows the first line is indented. Ends with a line break.
std::string wrapped(const std::string& text, int width, std::size_t indent) {
    const auto columns = static_cast<std::size_t>(std::max(width, 20));
    std::string out;
    std::string line;
    std::size_t used = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
        const std::string word = text.substr(at, end - at);
        if (used > 0 && used + 1 + columns_of(word) > columns) {
            out += line + "\n";
            line = std::string(indent, ' ') + word;
            used = indent + columns_of(word);
        } else {
            line += (used > 0 ? " " : "") + word;
            used += (used > 0 ? 1 : 0) + columns_of(word);
        }
        at = end + 1;
    }
    return out + line + "\n";
}

std::string stage_table(const RunOutcome& outcome, const ViewStyle& style) {
    std::string out = fmt::format(
        "{:>7} {:>12} {:>12} {:>12} {:>12}  {}\n",
        "canary",
        "bad canary",
        "bad stable",
        "p95 canary",
        "p95 stable",
        "verdict"
    );
    for (const evidence::StageRow& row : outcome.stages) {
        out += fmt::format(
            "{:>7} {:>12} {:>12} {:>12} {:>12}  {}\n",
            row.name,
            counts_text(row.canary),
            counts_text(row.stable),
            p95_text(row.canary),
            p95_text(row.stable),
            painted(to_string(row.verdict), colour_of(row.verdict), style)
        );
    }
    return out;
}

std::string check_line(const Check& check, std::string_view word, const ViewStyle& style) {
    return fit(fmt::format("  {:<12} {}: {}", word, check.id, check.detail), style.width) + "\n";
}

/// What a dry run did not do, and could have done.
std::string rehearsed_lines(const RunOutcome& outcome, const ViewStyle& style) {
    std::string out;
    for (const Check& check : outcome.checks) {
        if (check.mode == CheckMode::rehearsed && check.verdict == Verdict::pass) {
            out += check_line(check, "rehearsed", style);
        }
    }
    return out;
}

std::string trouble_lines(const RunOutcome& outcome, const ViewStyle& style) {
    std::string out;
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        for (const Check& check : outcome.checks) {
            if (check.verdict == verdict) {
                out += check_line(check, to_string(verdict), style);
            }
        }
    }
    return out;
}

} // namespace

std::string stage_line(const StageView& view, const ViewStyle& style) {
    const double left = std::max(0.0, view.hold_s - view.held_s);
    const auto later = static_cast<double>(view.stages.size() - view.index - 1);
    const double all_left = left + later * (view.extended ? view.hold_s / 2 : view.hold_s);
    Rates rates;
    add_bad_rate(view, rates);
    add_p95(view, rates);
    const std::string line =
        fit(fmt::format(
                "stage {}/{} canary {:>3}% {} {:.1f}s, {:.0f}s in all | n {}+{}{}",
                view.index + 1,
                view.stages.size(),
                view.percent,
                bar(view.hold_s > 0 ? view.held_s / view.hold_s : 0),
                left,
                all_left,
                view.canary.total,
                view.stable.total,
                rates.text
            ),
            style.width - 1);
    return rates.beyond ? painted(line, k_red, style) : line;
}

std::string summary(const RunOutcome& outcome, const ViewStyle& style) {
    const std::string word(to_string(outcome.verdict));
    const std::string first = wrapped(word + "  " + outcome.headline, style.width, word.size() + 2);
    std::string out = painted(word, colour_of(outcome.verdict), style) + first.substr(word.size());
    if (!outcome.stages.empty()) {
        out += stage_table(outcome, style);
    }
    out += rehearsed_lines(outcome, style) + trouble_lines(outcome, style);
    if (outcome.rollback) {
        out += wrapped(recovery(*outcome.rollback), style.width, 2);
    }
    if (outcome.drill) {
        out += wrapped(drill_text(*outcome.drill), style.width, 2);
    }
    return out;
}

} // namespace oa_stream::playbook
