#include "route_run.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/routes/route_change.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "core/document.hpp"
#include "core/run_command.hpp"
#include "core/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

using namespace routes;

/// State of one invocation; outlives its coroutine.
struct RouteContext {
    Context& context;
    RouteTask task;
    Screen screen;
    playbook::StopRequest stop{};
    // Results:
    RoutePlan plan{};
    std::vector<Check> checks{};
    bool refused = false;
    bool undone_before = false; ///< all processes agree, and the run had been undone before
    RouteAccess access{}; ///< as stored in the folder
    std::optional<run::RunSession> session{}; ///< unset: nothing was attempted
    RouteOutcome outcome{};

    [[nodiscard]] bool restores() const noexcept { return task.undone.has_value(); }
    /// Its result is a run's, even when nothing is written.
    [[nodiscard]] bool leaves_run() const noexcept { return task.schema == "run-result"; }
};

// Plan
// ------------------------------------------------------------------------------------------------

void accept(Check& check, bool accepted, std::string_view option) {
    if (check.verdict != Verdict::pass && accepted) {
        check.verdict = Verdict::pass;
        check.detail = fmt::format("accepted with {}: {}", option, check.detail);
    }
}

/// A run that died may have left a mixture, which is no reason to refuse its undo.
void prepare_undo(RouteContext& run, RoutePlan& planned, RouteSnapshot found) {
    run.checks.push_back(memories_check(found));
    run.checks.back().verdict = Verdict::pass;
    const Overrides now = overrides_of(found.status);
    // Overrides that the undo had removed and that all processes have again were set by others.
    run.undone_before = run.task.undone_by && found.agreed;
    const Overrides theirs = planned.adopt_theirs(now, found.agreed, run.undone_before);
    const bool agreed = found.agreed;
    run.plan = planned.reversed();
    run.plan.found.seen = std::move(found.seen);
    if (theirs != Overrides{}) { // shown as they will stay
        run.plan.before.lay_over(theirs);
        run.plan.goal.lay_over(theirs);
        run.checks.push_back(
            {"route.theirs",
             Verdict::fail,
             CheckMode::live,
             false,
             fmt::format(
                 "{}somebody else set {} meanwhile: it stays as it is; undo the later run first",
                 run.undone_before ? fmt::format("undone already ({}); ", *run.task.undone_by) : "",
                 theirs.text()
             )}
        );
    }
    if (agreed && now == run.plan.goal) { // only others' overrides are left
        run.plan.before = run.plan.goal;
    }
    run.plan.found.status = with_overrides(std::move(run.plan.found.status), run.plan.before);
    run.refused = theirs != Overrides{} && !run.plan.changes();
}

Result<void> prepare_change(RouteContext& run, RouteSnapshot found, const RouteTarget& target) {
    run.checks.push_back(memories_check(found));
    accept(run.checks.back(), run.task.accept_mixture, names::accept_mixture);
    OA_TRY(run.plan, plan_routes(std::move(found), target.order));
    run.plan.control_url = target.service.base_url;
    run.checks.push_back(precedence_check(run.plan));
    accept(run.checks.back(), run.task.partial, names::partial);
    run.refused = std::ranges::any_of(run.checks, [](const Check& check) {
        return check.verdict != Verdict::pass;
    });
    return {};
}

// Dry run
// ------------------------------------------------------------------------------------------------

/// The run itself, or an earlier attempt to undo it.
bool is_of(const playbook::RunStatus& one, const RouteContext& run) {
    return one.needs_somebody() &&
           (one.run == run.task.restores || one.restores == run.task.restores);
}

/// The command that ends a run whose undo is refused: only others' overrides are left.
Advice abandon_of(const RouteContext& run) {
    const auto all = playbook::all_statuses(run.context.state_dir);
    for (const playbook::RunStatus& one : all.value_or(std::vector<playbook::RunStatus>{})) {
        if (is_of(one, run)) {
            return run::suggest_abandon(one.run);
        }
    }
    return {};
}

ExitCode show_plan(RouteContext& run) {
    const bool pending = run.plan.changes() && !run.task.apply;
    if (!run.refused && pending) {
        run.checks.push_back(
            {"route.apply",
             Verdict::skipped,
             CheckMode::rehearsed,
             false,
             "dry run: nothing was written; --apply carries it out"}
        );
    }
    const Verdict verdict = run_verdict(run.checks);
    if (run.context.json) {
        Json out = plain_answer(verdict, run.checks);
        out.update(to_json(run.plan));
        out["dry_run"] = !run.task.apply;
        print_document("route-change", out, run.context);
    } else {
        const std::string_view end =
            !run.plan.changes() ? "nothing to change\n"
            : run.refused       ? ""
                          : "dry run: nothing was written; the same with --apply carries it out\n";
        show_text(route_plan_text(run.plan) + std::string(end), run.context);
    }
    const bool ready = pending && !run.refused;
    const Context& context = run.context;
    tell_route_checks(
        verdict,
        run.checks,
        run.context,
        ready                           ? Typed{context.command, context.given}.with(names::apply)
        : run.refused && run.restores() ? abandon_of(run)
                                        : Advice()
    );
    return run.refused ? ExitCode::refused : pending ? ExitCode::has_changes : ExitCode::ok;
}

// Apply
// ------------------------------------------------------------------------------------------------

/// The session is kept in `run`.
Result<run::RunSession*> open_session(RouteContext& run, const RouteTarget& target) {
    NewRun order{run::RunKind::route_split, run.task.command};
    order.target["control_url"] = target.service.base_url;
    if (!run.task.restores.empty()) {
        order.target["restores"] = run.task.restores;
    }
    order.redactor.add_known(target.service.bearer);
    for (const Secret& secret : target.hidden) {
        order.redactor.add_known(secret, "of a header");
    }
    order.redactor.add_environment();
    run.access = kept_access(target.access, order.redactor);
    order.target.update(to_json(run.access));
    OA_TRY(auto began, begin_run(std::move(order), run.context, run.screen));
    run::RunSession& session = run.session.emplace(std::move(began));
    session.folder().write(run::k_plan_file, json_document(route_plan_document(run.plan)));
    return &session;
}

void equip(RouteContext& run, run::Journal& journal, RouteRun& change) {
    change.journal = &journal;
    change.stop = [&run] { return run.stop.requested(); };
    change.say = [&run](std::string_view line) {
        run.stop.mark_mutated(); // marked before each write
        if (!run.context.quiet) {
            run.screen.say(line);
        }
    };
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
Task<Result<bool>> look_and_write(RouteSplitClient& client, RouteTarget target, RouteContext* run) {
    OA_CO_TRY(RouteSnapshot found, co_await snapshot_routes(client, target.order.looks));
    const Overrides now = overrides_of(found.status);
    if (run->task.undone) {
        prepare_undo(*run, *run->task.undone, std::move(found));
    } else {
        OA_CO_CHECK(prepare_change(*run, std::move(found), target));
    }
    const bool nothing = !run->plan.changes() && !run->leaves_run();
    if (!run->task.apply || run->refused || nothing) {
        co_return false;
    }
    OA_CO_TRY(run::RunSession * session, open_session(*run, target));
    if (run->restores() && !run->context.quiet) {
        session->say(route_plan_text(run->plan));
    }
    RouteRun change =
        run->task.undone
            ? co_await undo_of(client, *run->task.undone, target.order.looks, run->undone_before)
            : change_of(client, run->plan, target.order.looks);
    run::Journal journal = session->journal();
    equip(*run, journal, change);
    change.last_seen = now;
    if (run->restores()) {
        run->outcome = co_await undo_routes(change);
        run->checks.push_back(undo_check("route.set", change, run->outcome));
    } else {
        run->outcome = co_await change_routes(change);
        std::ranges::copy(
            change_checks("route", change, run->outcome), std::back_inserter(run->checks)
        );
    }
    co_return true;
}

struct LookAndWrite {
    RouteContext* run;
    Task<Result<bool>> operator()(RouteSplitClient& client, RouteTarget target) const {
        return look_and_write(client, std::move(target), run);
    }
};

// The end
// ------------------------------------------------------------------------------------------------

/// A restore found what the other run left, which is nothing to return to.
Suggestion restore_of(const RouteContext& run, const run::RunSession& session) {
    return run.restores() ? route_restore(run.task.restores, run.access, run.task.kept)
                          : route_restore(session.id(), run.access, run.access);
}

run::EndFacts facts_of(const RouteContext& run) {
    const RouteOutcome& outcome = run.outcome;
    const bool done = outcome.changed || (run.restores() && outcome.restored);
    run::EndFacts out{
        .mutated = outcome.mutated,
        .restored = outcome.restored,
        .completed = done,
        .stays = true,
        .signal = outcome.interrupted ? run.stop.signal() : 0,
    };
    if (!done) {
        const auto& error = outcome.error ? outcome.error : outcome.restore_error;
        out.error = error ? error->code : Code::internal;
    }
    return out;
}

std::string headline_of(const RouteContext& run, const run::Conclusion& end) {
    if (end.exit == ExitCode::ok) {
        return "The routes are as asked.";
    }
    const RouteOutcome& outcome = run.outcome;
    const auto& error = outcome.error ? outcome.error : outcome.restore_error;
    const std::string why = error ? error->text() : "not done";
    if (!outcome.mutated) {
        return fmt::format("Nothing was written: {}.", why);
    }
    return fmt::format(
        "{}; {}",
        why,
        outcome.restored ? "the old overrides are back."
                         : "the old overrides are NOT verified to be back."
    );
}

/// Writes the report, closes the folder and prints the outcome.
ExitCode finish(RouteContext& run, run::RunSession& session) {
    session.replace_checks(run.checks);
    const run::Conclusion end = session.conclude(facts_of(run));
    report::Report input{
        .title = "Route split",
        .headline = headline_of(run, end),
        .facts =
            {{"overrides before", run.plan.before.text()},
             {"overrides asked for", run.plan.goal.text()},
             {"writes", std::to_string(run.outcome.writes)}},
        .notes = run.plan.notes,
        .more = to_json(run.plan),
    };
    input.more["mutated"] = run.outcome.mutated;
    input.more["restored"] = run.outcome.restored;
    if (end.exit != ExitCode::ok) {
        input.next = run.outcome.mutated && !run.outcome.restored
                         ? restore_of(run, session)
                         : less(session.folder().path() / run::k_report_file);
    }
    run::RunResult result = session.finish(end, std::move(input));
    if (run.leaves_run()) { // the plan is in the folder
        const Json plan = to_json(run.plan);
        for (const auto& [name, value] : plan.items()) {
            if (name != "notes") {
                result.document.erase(name);
            }
        }
        result.document["rollback"] = nullptr;
    }
    std::string text = route_plan_text(run.plan) + result.headline + "\n";
    for (const Check& check : result.checks) {
        text += check_line(check) + "\n";
    }
    return tell_result(session, result, run.task.schema, text, run.context);
}

/// Marks the run and earlier attempts to undo it as settled.
Result<void> settle_restored(const RouteContext& run) {
    OA_TRY(const auto all, playbook::all_statuses(run.context.state_dir));
    for (const playbook::RunStatus& one : all) {
        if (is_of(one, run)) {
            OA_CHECK(run::mark_finished(
                one.folder,
                playbook::this_account().text(),
                "brought back",
                run.session ? run.task.command + ", run " + run.session->id()
                            : "route restore found the overrides as they were"
            ));
        }
    }
    return {};
}

Result<bool> attempt(RouteTarget target, RouteContext& run) {
    const SignalWords words{
        "finishing the write under way, then restoring the routes (at most a few minutes)",
        [&run] {
            return run.session ? restore_of(run, *run.session).text() + " finishes it"
                               : "nothing was written";
        },
        !run.task.apply
    };
    return run_to_end<bool>(
        [&](asio::any_io_executor executor) {
            return with_routes<bool>(std::move(executor), std::move(target), LookAndWrite{&run});
        },
        run.stop,
        run.screen,
        words
    );
}

} // namespace

Result<ExitCode> carry_out_routes(RouteTarget target, RouteTask task, Context& context) {
    std::optional<run::TargetLock> lock;
    if (task.apply) {
        const std::string& url = target.service.base_url;
        OA_TRY(
            lock,
            run::TargetLock::acquire(
                context.state_dir,
                route_lock_name(url),
                {{"command", task.command}, {"target", url}}
            )
        );
    }
    RouteContext run{context, std::move(task), Screen(context)};
    OA_TRY(const bool wrote, attempt(std::move(target), run));
    const ExitCode exit = run.session ? finish(run, *run.session) : show_plan(run);
    if (run.restores() && run.task.apply && (wrote ? run.outcome.restored : !run.refused)) {
        OA_CHECK(settle_restored(run));
    }
    return exit;
}

} // namespace oa_stream::cli
