#include "rollback_run.hpp"

#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include "engine/run_context.hpp"
#include "planted_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace oa_stream::playbook {
namespace {

constexpr std::string_view k_step = "rollback";

/// Result of undoing the routes.
enum class RouteEnd : std::uint8_t {
    none, ///< the run has no route half
    undone,
    unchanged, ///< undone, or not verified, without a write
    undone_before, ///< an earlier rollback was verified; others have changed the routes since
    refused, ///< nothing was written: only others' overrides are set
};

struct JournalRead {
    JournalSummary summary{};
    std::string unreadable{}; ///< why the journal is unusable; empty: it is usable
    bool has_line = true;
};

/// Without a readable journal the plan's splits count as possibly written, likewise for a journal
/// that lost its lines; roll_back_run() refuses a run that never had a journal.
JournalRead read_summary(const run::RunFolder& folder, const Plan& plan) {
    const std::string text = run::read_kept(folder.path() / run::k_journal_file).value_or("");
    auto summary = read_journal(text);
    if (summary && summary->lines > 0) {
        return {*std::move(summary)};
    }
    JournalRead out;
    out.has_line = !summary;
    out.unreadable = summary ? "it has no line" : summary.error().text();
    out.summary.baseline = plan.baseline;
    for (const Step& step : plan.steps) {
        if (const auto& after = step.after; after && step.mutates()) {
            out.summary.written.push_back(*after);
            out.summary.pending = after;
        }
    }
    return out;
}

Result<void> begin(RunContext& run, JournalSummary& summary, bool has_line) {
    if (!has_line) {
        summary.baseline = run.in.plan->baseline;
        OA_CHECK(run.journal.record(
            {.phase = Phase::begin, .to = summary.baseline.to_json(), .detail = run.in.plan->id}
        ));
        // Until the baseline is seen serving, any of them may serve; a later reader of the journal
        // needs this too.
        for (const traffic::Split& split : summary.written) {
            OA_CHECK(run.journal.record(
                {.phase = Phase::intent,
                 .step = std::string(k_step),
                 .to = split.to_json(),
                 .detail = "the journal had no line: the plan has this split"}
            ));
        }
    }
    const std::size_t torn = run.session.folder().torn_bytes();
    return run.journal.record(
        {.phase = Phase::resumed,
         .step = std::string(k_step),
         .detail = fmt::format(
             "rollback apply continues{}",
             torn > 0 ? fmt::format("; {} bytes of a torn line are in journal.torn", torn) : ""
         )}
    );
}

void fill(RunContext& run, const JournalSummary& summary) {
    run.ours = {summary.baseline};
    // When everything was restored before, the run's splits no longer excuse a foreign split.
    if (summary.needs_rollback()) {
        run.ours.insert(run.ours.end(), summary.written.begin(), summary.written.end());
        if (summary.serving) {
            run.ours.push_back(*summary.serving);
        }
    }
    run.serving = summary.pending ? *summary.pending : summary.serving.value_or(summary.baseline);
    // If users missed the baseline, the split that the driver reported did not serve.
    const run::RunFacts before = run::facts_of(run.session.folder().path());
    run.fence = summary.pending.has_value() || summary.late || before.users_missed;
    run.torn = summary.torn;
}

/// Runs after the traffic: a restarted revision begins without overrides. The routes are undone
/// whatever the result for the traffic.
Task<RouteEnd> roll_back_routes_last(RunContext* run, bool was_restored) {
    run->session.say("the routes");
    LastStep last = co_await run->in.last(&run->journal);
    const bool nothing = was_restored && run->out.rollback && run->out.rollback->verified &&
                         !run->out.rollback->written_s;
    const bool refused = last.others_alone && nothing;
    run->routes_unverified = last.routes_unverified && !refused;
    for (Check& check : last.checks) {
        if (last.undone_before && !nothing) { // only the traffic was left to restore
            check.leave_out();
        }
        run->session.add_said(std::move(check));
    }
    co_return refused    ? RouteEnd::refused
    : last.undone_before ? RouteEnd::undone_before
    : last.mutated       ? RouteEnd::undone
                         : RouteEnd::unchanged;
}

std::string_view routes_text(RouteEnd routes) {
    switch (routes) {
    case RouteEnd::undone:
    case RouteEnd::unchanged:
        return "; the routes are verified, too";
    case RouteEnd::undone_before:
        return "; the routes were undone before, and others have changed them since";
    default:
        return "";
    }
}

RunOutcome outcome_of(RunContext& run, bool foreign, RouteEnd routes) {
    RunOutcome out = std::move(run.out);
    const bool verified = out.rollback && out.rollback->verified;
    const bool good = verified && run_verdict(run.checks()) == Verdict::pass;
    const bool refused = routes == RouteEnd::refused;
    const bool wrote_routes = routes == RouteEnd::undone || run.routes_unverified;
    const bool untouched = refused || (foreign && !wrote_routes);
    out.restored = verified;
    out.conclude(
        run.session,
        {.mutated = !untouched, .restored = good, .completed = good, .refused = untouched}
    );
    const std::string home = run.in.plan->home().text();
    if (out.exit == ExitCode::ok) {
        out.headline = fmt::format(
            "{} serves, verified by read-back and over {} fresh connections in a row{}.",
            home,
            out.rollback ? out.rollback->row : 0,
            routes_text(routes)
        );
        return out;
    }
    const Check* failed = run::first_trouble(run.checks());
    out.headline = fmt::format(
        "{}: {}.",
        refused    ? "Nothing of this run is left"
        : verified ? "The traffic is back, the routes are NOT verified"
                   : home + " is NOT verified",
        failed == nullptr ? "nothing passed live" : failed->detail
    );
    if (refused) {
        return out;
    }
    const std::string command = manual_command(run.playbook().traffic, run.in.plan->home());
    if (!command.empty() && out.by_hand_helps()) {
        out.notes.push_back("By hand: " + command);
    }
    if (out.gone) {
        out.notes.push_back("If it comes back: " + run::suggest_rollback(run.session.id()).text());
    }
    return out;
}

} // namespace

Task<JournalRollback> roll_back_by_journal(RunInput input) {
    auto [summary, unreadable, has_line] = read_summary(input.session->folder(), *input.plan);
    Plan plan = *input.plan;
    plan.baseline = summary.baseline.empty() ? plan.baseline : summary.baseline;
    input.plan = &plan;
    RunContext run(std::move(input));
    const bool had_ended = summary.ended;
    // Only a readable journal can show that.
    const bool was_restored = unreadable.empty() && !summary.needs_rollback();
    if (const auto begun = begin(run, summary, has_line); !begun) {
        run.session.say("  the journal cannot be written: " + begun.error().text());
    }
    fill(run, summary);
    if (!unreadable.empty()) {
        run.out.notes.push_back(fmt::format(
            "The journal cannot be read ({}): every split of the plan was taken for ours.",
            unreadable
        ));
        run.session.say("  " + run.out.notes.back());
    }
    run.mark_mutated();
    run.out.rollback =
        co_await restore_baseline(&run, std::string(k_step), "asked for by rollback apply");
    run.in.instruments->write_pending();
    const bool foreign = was_restored && !run.out.rollback->read_back_s;
    RouteEnd routes = RouteEnd::none;
    if (run.in.last) {
        routes = co_await roll_back_routes_last(&run, was_restored);
    }
    RunOutcome out = outcome_of(run, foreign, routes);
    end_fault(run.session, out); // before the journal's last line, which has the verdict
    const auto ended = run.journal.record(run::end_line(
        {std::string(to_string(out.verdict)), static_cast<int>(out.exit), true},
        run.serving.to_json()
    ));
    if (!ended) {
        out.notes.emplace_back("The journal's last line could not be written.");
    }
    if (run.in.stop != nullptr) {
        run.in.stop->settle("the rollback has ended: " + out.headline, out.exit);
    }
    run.out.notes.clear();
    run.out.exit = out.exit;
    co_await remove_conversations(&run);
    std::ranges::move(run.out.notes, std::back_inserter(out.notes));
    out.target_keeps = std::move(run.out.target_keeps);
    co_return JournalRollback{std::move(out), had_ended};
}

} // namespace oa_stream::playbook
