// Rolls back a run, dead or ended, from its folder alone.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include "engine/playbook_run.hpp"
#include "engine/rollback_commands.hpp"
#include "engine/route_step.hpp"
#include "engine/within.hpp"
#include "plan/plan_back.hpp"
#include "plan/plan_file.hpp"
#include "plan/who_answers.hpp"
#include "planted_fault.hpp"
#include "rollback_locks.hpp"
#include "rollback_run.hpp"
#include "status/verified_rollbacks.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// Refuses a run that never began to move traffic, so that its report and seal stay unchanged. A
/// run under way may still begin, unless its lock is `ours`.
Result<void>
check_moved(const fs::path& state_dir, const fs::path& folder, const Json& run, bool ours = false) {
    const auto refuse = [&](std::string_view why) {
        return fail(
            Code::precondition,
            fmt::format("{}: there is nothing to roll back", why),
            folder.string(),
            run_to_roll_back(state_dir)
        );
    };
    const run::RunKind kind = run::facts_of(folder, run).kind;
    const bool rehearsed = kind == run::RunKind::rehearsal;
    if (!run::kind_mutates(kind) && !rehearsed) {
        return refuse(fmt::format("a run of kind {} moves no traffic", to_string(kind)));
    }
    std::error_code ignored;
    const bool wrote = fs::file_size(folder / run::k_journal_file, ignored) > 0 && !ignored;
    if (!wrote && rehearsed) {
        return refuse("this was a dry run, which moved no traffic");
    }
    const RunStatus status = status_in(state_dir, folder);
    const bool may_begin = !ours && status.state == RunState::running;
    if (!status.began && !may_begin && status.fault.empty()) {
        return refuse("this run ended before it moved any traffic");
    }
    return {};
}

Error lost_plan(std::string_view how, const fs::path& folder, const Json& run) {
    return {
        .code = Code::precondition,
        .message = fmt::format("its plan {}, so it cannot be rolled back from here", how),
        .where = folder.string(),
        .hint = Advice(plan_back_of(target_in(run))) + " restores everything, whatever moved it",
    };
}

/// The run's plan; errors in it must not prevent a rollback.
Result<Plan> plan_of(const fs::path& folder, const Json& run) {
    const fs::path file = folder / run::k_plan_file;
    const Suggestion show = run::suggest_show(folder.filename().string());
    if (!is_there(file)) {
        return holds_traffic(folder) ? std::unexpected(lost_plan("is gone", folder, run))
                                     : fail(
                                           Code::precondition,
                                           "this run began nothing: there is nothing to roll back",
                                           folder.string(),
                                           show
                                       );
    }
    const auto text = run::read_kept(file);
    const auto json = text ? parse_json(*text) : std::unexpected(text.error());
    if (json && json->is_object() && member(*json, "schema") != nullptr &&
        member(*json, "source") == nullptr) {
        return fail(
            Code::precondition,
            "this run moved its own lanes, which ended with it: there is nothing to roll back",
            folder.string(),
            show
        );
    }
    auto plan =
        json ? read_plan(*text, file.string(), Trust::rescue) : std::unexpected(json.error());
    if (!plan) {
        return std::unexpected(
            lost_plan(fmt::format("cannot be read ({})", plan.error().message), folder, run)
        );
    }
    return plan;
}

/// How an operator reaches the run's target when the settings lead elsewhere from this folder.
Advice way_to_target(
    const Plan& plan, const fs::path& run, const RollbackRequest& request, const Json& stored
) {
    std::error_code unknown;
    const bool elsewhere = is_elsewhere(run, request.by.state_dir);
    const std::string name =
        (elsewhere ? fs::absolute(run, unknown) : run.filename()).lexically_normal().string();
    const std::string folder = text_in(object_in(stored, "target"), k_started_in);
    const bool gone = !folder.empty() && !fs::is_directory(folder, unknown);
    // No folder leads there any more: the same rollback would be refused in each of them.
    if (gone || folder == fs::current_path(unknown).string()) {
        return Advice(plan_back_of(plan.target)) + " restores stable, whatever serves, and then " +
               run::suggest_abandon(name) + " ends the run";
    }
    const Advice retry =
        request.take_over ? run::suggest_take_over(name) : run::suggest_rollback(name);
    return (folder.empty() ? "in the folder where the run was started: "
                           : fmt::format("cd {} && ", shell_word(folder))) +
           retry;
}

/// Adds advice to an I/O error: another state directory, or commands that need none.
Error with_other_ways(Error error, const Plan& plan, const fs::path& folder) {
    if (error.code != Code::io && error.code != Code::unreadable) {
        return error;
    }
    const auto add = [&error](std::string_view what, const Advice& command) {
        if (!command.empty()) {
            error.hint += fmt::format("{}{}: ", error.hint.empty() ? "" : "; ", what) + command;
        }
    };
    add("write elsewhere",
        Suggestion{"rollback apply", {names::state_dir, "DIR", names::run, folder.string()}});
    add("by hand", manual_command(plan.playbook.traffic, plan.home()));
    return error;
}

/// The run left users where it should: undoing it is not recovery from a failed move, and the
/// earlier split may name another release by now. Its process may still wait for its hooks.
bool ended_well(const RunStatus& status) {
    const bool over = status.state == RunState::ended || (status.end && !status.end->rollback);
    return over && status.moved && !status.needs_somebody();
}

Task<Result<void>> check_home(const Outside* outside, const Plan* plan) {
    traffic::TrafficDriver& driver = *outside->driver;
    const auto seen = co_await within(driver.patience(), driver.read()); // where the arms are
    if (!seen) {
        co_return Result<void>{}; // the rollback itself keeps trying
    }
    co_return co_await check_who_answers(outside, &plan->playbook, plan->home());
}

/// Also checks free space: a full disk still allows opening files.
bool takes_bytes(const fs::path& folder) {
    const fs::path trial = folder / ("trial.tmp-" + random_hex(4));
    const bool taken =
        write_file_once(trial, std::string(std::size_t{64} << 10U, '\n')).has_value();
    std::error_code ignored;
    fs::remove(trial, ignored);
    return taken;
}

/// Copies regular files only, because a killed process leaves its control socket. The copy appears
/// complete or not at all.
Result<void> copy_run(const fs::path& from, const fs::path& to) {
    const fs::path part =
        to.parent_path() / fmt::format(".{}.tmp-{}", to.filename().string(), random_hex(4));
    OA_CHECK(make_dirs(part));
    std::error_code error;
    fs::recursive_directory_iterator it(from, error);
    while (!error && it != fs::recursive_directory_iterator()) {
        const fs::path target = part / it->path().lexically_relative(from);
        const fs::file_type type = it->symlink_status(error).type();
        if (!error && type == fs::file_type::directory) {
            OA_CHECK(make_dirs(target));
        } else if (!error && type == fs::file_type::regular) {
            fs::copy_file(it->path(), target, error);
        }
        if (!error) {
            it.increment(error);
        }
    }
    if (!error) {
        fs::rename(part, to, error);
    }
    if (error) {
        const std::string why = error.message();
        fs::remove_all(part, error);
        return fail(Code::io, "cannot copy the run: " + why, to.string());
    }
    return {};
}

/// Opens the run's folder, or a copy in another state directory when it cannot be written: its disk
/// may be full or read-only.
Result<run::RunSession> open_session(
    const fs::path& path, const RollbackRequest& request, const Redactor& redactor, bool taken_over
) {
    const fs::path copy = request.by.state_dir / "runs" / path.filename();
    if (!is_elsewhere(path, request.by.state_dir) ||
        takes_bytes(path)) { // here a rollback continues the journal
        return run::RunSession::resume(path, redactor, request.by.observer, taken_over);
    }
    OA_CHECK(make_dirs(copy.parent_path()));
    const bool planned_before = is_there(copy / run::k_plan_file); // an earlier rollback created it
    if (!planned_before) {
        OA_CHECK(copy_run(path, copy));
    }
    if (request.by.observer != nullptr) {
        request.by.observer->say(fmt::format(
            "the run's folder cannot be written: going on with {} copy, {}; what is there stays as "
            "it is",
            planned_before ? "the" : "a",
            copy.string()
        ));
    }
    return run::RunSession::resume(copy, redactor, request.by.observer, taken_over);
}

} // namespace

Task<Result<run::RunResult>> roll_back_run(RollbackRequest request) {
    OA_CO_TRY(const fs::path path, run::find_run(request.by.state_dir, request.run));
    request.run = path.filename().string();
    Json stored = run::document_of(path);
    if (has_only_fault(path)) {
        co_return roll_back_fault(request.by, path, stored);
    }
    OA_CO_CHECK(check_moved(request.by.state_dir, path, stored));
    OA_CO_TRY(Plan plan, plan_of(path, stored));
    const auto executor = co_await asio::this_coro::executor;
    OA_CO_TRY(Outside outside, open_outside(executor, plan.playbook, Needs::traffic));
    // A living process of the run has a working driver, so it is ordered to roll back even if the
    // target cannot be reached from here. Whoever takes over must reach the target first.
    const auto reached =
        check_target(plan, *outside.driver, way_to_target(plan, path, request, stored));
    if (request.take_over) {
        OA_CO_CHECK(reached);
    }
    const bool settled = ended_well(status_in(request.by.state_dir, path));
    const auto locks = co_await lock_rollback(&request, &plan, path);
    if (!locks) {
        co_return std::unexpected(with_other_ways(locks.error(), plan, path));
    }
    OA_CO_CHECK(reached);
    stored = run::document_of(path); // its process may have ended it meanwhile
    OA_CO_CHECK(check_moved(request.by.state_dir, path, stored, true));
    if (settled) {
        OA_CO_CHECK(co_await check_home(&outside, &plan));
    }
    auto opened = open_session(path, request, outside.redactor, locks->taken_over);
    if (!opened) {
        co_return std::unexpected(with_other_ways(std::move(opened).error(), plan, path));
    }
    auto session = *std::move(opened);
    PlaybookRun run{
        {}, std::move(request.by), std::move(plan), std::move(outside), std::move(session)
    };
    if (run.by.on_run) {
        run.by.on_run(run.session.id());
    }
    for (const Error& missing : run.outside.missing) {
        run.session.say("the traffic goes back without it: " + missing.text());
    }
    make_instruments(run, executor);
    make_hooks(run, executor);
    run.may_write = [&locks]() -> Result<void> {
        OA_CHECK(locks->target.check());
        return locks->fence ? locks->fence->check() : Result<void>{};
    };
    RunInput input = engine_input(run);
    input.last = {};
    if (has_routes_to_undo(run.plan, run.session.folder())) {
        input.last = [&run, take_over = request.take_over](Journal* journal) {
            return undo_routes_locked(&run, journal, take_over);
        };
    }
    auto [outcome, had_ended] = co_await roll_back_by_journal(std::move(input));
    for (const Error& missing : run.outside.missing) {
        outcome.notes.push_back(fmt::format("Rolled back without it: {}.", missing.text()));
    }
    run.title = "rollback of " + run.playbook().name;
    run.facts = {{"target", run.plan.target}, {"plan", run.plan.id}, {"version", run.by.version}};
    const bool unverified = outcome.exit == ExitCode::rollback_unverified;
    auto commands = unverified ? rollback_commands(run, outcome) : RollbackCommands{};
    Advice next = std::move(commands.advice);
    outcome.next_manual = commands.manual;
    const bool in_vain = outcome.gone || outcome.differs; // the same command would end alike
    if (in_vain && !has_routes_to_undo(run.plan, run.session.folder())) {
        next = run::suggest_abandon(request.run);
        outcome.next_manual = false;
    }
    co_await tell_end(&run, &outcome, next);
    // The run was judged, even when a later rollback died and left no end in the journal.
    const bool judged = had_ended || string_member(stored, "verdict").has_value();
    const run::Conclusion end{outcome.verdict, outcome.exit, outcome.ended};
    const std::string file = run.session.rollback_name() + ".md";
    co_return run.session.finish_rollback(
        end, report_of(run, std::move(outcome), std::move(next), file), judged
    );
}

} // namespace oa_stream::playbook
