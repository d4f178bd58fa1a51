#include "headline.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/run/conclusion.hpp"
#include "oa_stream/run/suggest.hpp"

#include "drill/planted_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::playbook {
namespace {

/// "12 checks passed live, 5 rehearsed, 2 skipped"
std::string counts_text(const std::vector<Check>& checks) {
    const auto count = [&](Verdict verdict, CheckMode mode) {
        return std::ranges::count_if(checks, [&](const Check& check) {
            return check.verdict == verdict && check.mode == mode;
        });
    };
    std::string out =
        counted(static_cast<std::uint64_t>(count(Verdict::pass, CheckMode::live)), "check");
    out += " passed live";
    for (const CheckMode mode : {CheckMode::rehearsed, CheckMode::asserted}) {
        if (const auto n = count(Verdict::pass, mode); n > 0) {
            out += fmt::format(", {} {}", n, to_string(mode));
        }
    }
    if (const auto n = std::ranges::count(checks, Verdict::skipped, &Check::verdict); n > 0) {
        out += fmt::format(", {} skipped", n);
    }
    return out;
}

bool is_of_rollback(const Check& check) {
    return check.id.starts_with("rollback.");
}

/// From the rollback's own checks: the run's failure is a different one.
std::string why_not_back(const RunContext& run) {
    const auto failed = std::ranges::find_if(run.checks(), [](const Check& check) {
        return is_of_rollback(check) && check.verdict == Verdict::fail;
    });
    return failed == run.checks().end() ? std::string() : ": " + failed->detail;
}

std::string good_headline(const RunContext& run) {
    const RunOutcome& out = run.out;
    if (!run.changes_traffic()) {
        return counts_text(run.checks()) + "; nothing was changed.";
    }
    if (out.stages.empty()) {
        return counts_text(run.checks()) + ".";
    }
    if (out.drill) {
        return fmt::format(
            "The failure at {} was met as planned, probes were answered well {:.3f}s after "
            "the decision; the traffic is back where it began, verified.",
            out.drill->stage,
            out.drill->recovery_s().value_or(0)
        );
    }
    return fmt::format(
        "{} passed{}{}.",
        counted(out.stages.size(), "stage"),
        out.restore ? "; the traffic is back where it began, verified" : "",
        run.in.last ? "; the routes are as asked, verified" : ""
    );
}

} // namespace

std::string first_trouble(const std::vector<Check>& checks) {
    const Check* check = run::first_trouble(checks);
    if (check == nullptr) {
        return counts_text(checks);
    }
    return fmt::format(
        "{}: {}{}", check->id, check->verdict == Verdict::skipped ? "skipped, " : "", check->detail
    );
}

namespace {

Headline trouble_headline(const std::vector<Check>& checks) {
    const Check* check = run::first_trouble(checks);
    return {first_trouble(checks), check == nullptr ? std::string() : check->id};
}

/// A headline for the checks that are not left out; empty when none of them has trouble.
Headline other_trouble(const RunContext& run, bool (*left_out)(const Check&)) {
    std::vector<Check> others;
    std::ranges::remove_copy_if(run.checks(), std::back_inserter(others), left_out);
    return run::first_trouble(others) == nullptr ? Headline{} : trouble_headline(others);
}

/// Why the run rolled back, then the result of the rollback.
Headline not_back_headline(const RunContext& run) {
    Headline out = other_trouble(run, is_of_rollback);
    out.text +=
        out.text.empty() ? "The rollback is NOT verified" : "; the rollback is NOT verified";
    out.text += why_not_back(run);
    return out;
}

/// Checked after the rollback, so never the cause of the rollback.
bool is_of_conversations(const Check& check) {
    return check.id == "rollback.continuity";
}

std::string lost_text(const std::vector<Check>& checks) {
    const auto found = std::ranges::find_if(checks, is_of_conversations);
    if (found == checks.end() || found->verdict == Verdict::pass) {
        return {};
    }
    return found->verdict == Verdict::fail ? ", but conversations are NOT whole"
                                           : ", but it is unknown whether conversations are whole";
}

/// For every run except one whose rollback is not verified.
std::string where_traffic_is(const RunContext& run, bool completed) {
    const RunOutcome& out = run.out;
    if (completed && out.mutated) {
        return out.restored ? "; the traffic is back where it began, verified"
                            : fmt::format("; {} stays", run.serving.text());
    }
    if (out.held) {
        return "; held, the split stays";
    }
    if (out.rollback) {
        return "; rolled back and verified" + lost_text(run.checks());
    }
    return !out.mutated && moves_traffic(run.playbook().kind) ? "; no traffic was moved" : "";
}

} // namespace

Headline headline(const RunContext& run, bool completed) {
    const RunOutcome& out = run.out;
    if (completed && out.verdict == Verdict::pass) {
        return {good_headline(run)};
    }
    const bool stays = out.held || (completed && out.mutated);
    const bool not_back = !stays && out.rollback && !out.rollback->verified;
    Headline head = not_back ? not_back_headline(run) : other_trouble(run, is_of_conversations);
    if (head.text.empty()) {
        head = trouble_headline(run.checks());
    }
    if (!not_back) {
        head.text += where_traffic_is(run, completed);
    }
    if (run.routes_unverified) {
        head.text += "; the routes are NOT verified";
    }
    head.text += '.';
    return head;
}

namespace {

Advice settled_text(const RunContext& run) {
    const RunOutcome& out = run.out;
    if (!out.mutated) {
        return moves_traffic(run.playbook().kind) ? "the run has ended, no traffic was moved"
                                                  : "the run has ended";
    }
    if (out.restored) {
        return "the run has ended, the traffic is back and verified";
    }
    return fmt::format(
               "the run has ended, {}; to roll it back: ",
               out.rollback ? "its rollback is NOT verified" : run.serving.text() + " stays"
           ) +
           Advice(run::suggest_rollback(run.session.id()));
}

} // namespace

void settle(RunContext& run) {
    if (!run.in.may_write || run.in.may_write()) { // otherwise another process removes it
        end_fault(run.session, run.out);
    }
    if (run.in.stop != nullptr) {
        const bool planted = !planted_fault(run.session.folder().path()).empty();
        run.in.stop->settle(
            settled_text(run) + (planted ? "; its fault is still planted" : ""), run.out.exit
        );
    }
}

} // namespace oa_stream::playbook
