// Rolls back a run, dead or ended: everything from its folder.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "engine/playbook_run.hpp"
#include "engine/route_step.hpp"
#include "plan/plan_back.hpp"
#include "plan/plan_file.hpp"
#include "planted_fault.hpp"
#include "rollback_run.hpp"
#include "status/verified_rollbacks.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <signal.h> // NOLINT(modernize-deprecated-headers): kill

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// A run that never set out to move traffic is left as it is, report and seal included.
Result<void> check_moved(const fs::path& state_dir, const fs::path& folder, const Json& run) {
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
    const bool wrote = fs::file_size(folder / "journal.ndjson", ignored) > 0 && !ignored;
    if (!wrote && rehearsed) {
        return refuse("this was a dry run, which moved no traffic");
    }
    const RunStatus status = status_in(state_dir, folder);
    if (!status.began && status.state != RunState::running && status.fault.empty()) {
        return refuse("this run ended before it moved any traffic");
    }
    return {};
}

Error lost_plan(std::string_view how, const fs::path& folder, const Json& run) {
    return {
        .code = Code::precondition,
        .message = fmt::format("its plan {}, so it cannot be rolled back from here", how),
        .where = folder.string(),
        .hint = plan_back_of(target_in(run)) + " restores everything, whatever moved it",
    };
}

std::string show_run(const fs::path& folder) { // cutover status does not list it
    return Suggestion{"runs show", {folder.filename().string()}}.text();
}

/// The plan that the run had; what is wrong with it must not stop a rollback.
Result<Plan> plan_of(const fs::path& folder, const Json& run) {
    const fs::path file = folder / run::k_plan_file;
    if (!is_there(file)) {
        return holds_traffic(folder) ? std::unexpected(lost_plan("is gone", folder, run))
                                     : fail(
                                           Code::precondition,
                                           "this run began nothing: there is nothing to roll back",
                                           folder.string(),
                                           show_run(folder)
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
            show_run(folder)
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

// Its own process goes on with the step under way for as long as that may take.
constexpr Millis k_obey = std::chrono::minutes(10);
constexpr Millis k_silent =
    std::chrono::seconds(5); ///< before the command prints what it waits for
constexpr auto k_look = Millis{100};

void say(const RollbackRequest& request, const std::string& line) {
    if (request.by.observer != nullptr) {
        request.by.observer->say(line);
    }
}

void say_how_to_go_on(const RollbackRequest& request, std::int64_t pid) {
    say(request,
        fmt::format(
            "process {} did not end within 5s{}; still waiting for it; to continue without it: {}",
            pid,
            is_stopped(pid) ? ": it is stopped (Ctrl-Z or SIGSTOP)" : "",
            Suggestion{"rollback apply", {names::run, request.run, names::take_over}}.text()
        ));
}

/// Until the process that was asked to roll back has ended, or is taken over.
Task<Result<run::TargetLock>>
wait_for_lock(const RollbackRequest* request, const Plan* plan, Json owner, std::int64_t pid) {
    const fs::path& state = request->by.state_dir;
    const auto began = Clock::now();
    bool said = false;
    while (true) {
        auto lock = run::TargetLock::take(state, plan->target, owner);
        const auto waited = Clock::now() - began;
        if (lock || waited > k_obey || is_requested(request->by.stop)) {
            co_return lock;
        }
        const bool silent = waited > k_silent;
        if (request->take_over && (silent || is_stopped(pid))) {
            say(*request, fmt::format("took the run over from process {}", pid));
            co_return run::TargetLock::take_over(state, plan->target, std::move(owner));
        }
        if (silent && !said) {
            said = true;
            say_how_to_go_on(*request, pid);
        }
        (void)co_await sleep_for(k_look);
    }
}

constexpr auto k_answer = std::chrono::seconds(1);

/// As an order to abort, which ends no rollback that is under way, as a second signal would. False:
/// nobody listens there. Who does not answer in time has the order: a process that is stopped reads
/// it when it goes on.
bool order_rollback(
    const RollbackRequest& request, const fs::path& folder, const std::string& who
) {
    const Json order = {{"action", "abort"}, {"reason", "rollback apply"}};
    const auto asked = run::ask_run(folder, order, k_answer);
    const Code code = asked ? Code::timeout : asked.error().code;
    const bool ending = code == Code::precondition || code == Code::network;
    if (!ending && code != Code::timeout) {
        return false;
    }
    say(request,
        fmt::format(
            "the run is under way in {}: {}",
            who,
            ending ? "it is ending already" : "asked it to roll back"
        ));
    return true;
}

bool is_elsewhere(const fs::path& folder, const fs::path& state_dir) {
    std::error_code error;
    return fs::weakly_canonical(state_dir / "runs" / folder.filename(), error) !=
           fs::weakly_canonical(folder, error);
}

/// The lock in the run's own state directory, so that its process writes nothing more.
std::optional<run::TargetLock>
fence_elsewhere(const RollbackRequest& request, const Plan& plan, const fs::path& folder) {
    std::error_code ignored; // <state>/runs/<id>
    const fs::path state = fs::weakly_canonical(folder, ignored).parent_path().parent_path();
    const auto holder = run::TargetLock::holder(state, plan.target);
    if (holder && string_member(*holder, "run") != request.run) {
        say(request, "the lock of the target there is another run's: " + dump_json(*holder));
        return std::nullopt;
    }
    const auto pid = holder ? int_member(*holder, "pid").value_or(0) : 0;
    auto lock = run::TargetLock::take_over(
        state, plan.target, {{"run", request.run}, {"what", "rollback"}}
    );
    if (lock) {
        say(request, fmt::format("took the run over from process {}", pid));
        return *std::move(lock);
    }
    const auto kill = pid > 1 ? fmt::format("; end it: kill -9 {}", pid) : "";
    say(request, "its process cannot be kept from writing: " + lock.error().text() + kill);
    return std::nullopt;
}

/// The lock of such a run is in another state directory, so that only its folder shows that a
/// process works on it. That one is asked to roll back, and waited for or taken over.
Task<Result<std::optional<run::TargetLock>>>
end_elsewhere(const RollbackRequest* request, const Plan* plan, fs::path folder) {
    if (!is_elsewhere(folder, request->by.state_dir) || !run::FolderLock::is_held(folder)) {
        co_return std::nullopt;
    }
    const auto began = Clock::now();
    const auto until =
        began + (order_rollback(*request, folder, "another process") ? k_obey : k_silent);
    while (run::FolderLock::is_held(folder)) {
        if (request->take_over && Clock::now() > began + k_silent) {
            co_return fence_elsewhere(*request, *plan, folder);
        }
        if (Clock::now() > until || is_requested(request->by.stop)) {
            co_return fail(
                Code::precondition,
                "a living process works on this run",
                folder.string(),
                fmt::format("to continue without it: {}", names::take_over)
            );
        }
        (void)co_await sleep_for(k_look);
    }
    co_return std::nullopt;
}

/// The run's lock. When the run itself is under way in another process of this machine, that one is
/// asked to roll back and waited for; anybody else keeps the lock.
Task<Result<run::TargetLock>>
lock_for(const RollbackRequest* request, const Plan* plan, fs::path folder) {
    const Json owner = {{"run", request->run}, {"what", "rollback"}};
    const fs::path& state = request->by.state_dir;
    auto lock = run::TargetLock::take(state, plan->target, owner);
    const auto holder = lock ? std::nullopt : run::TargetLock::holder(state, plan->target);
    const bool same = holder && string_member(*holder, "run") == request->run;
    const bool own = same && string_member(*holder, "what") == "apply";
    const auto pid = holder ? int_member(*holder, "pid").value_or(0) : 0;
    if (lock || pid <= 1 || !(own || (same && request->take_over))) {
        co_return lock;
    }
    const std::string who = fmt::format("process {}", pid);
    if (own && !order_rollback(*request, folder, who)) {
        if (::kill(static_cast<pid_t>(pid), SIGINT) != 0) {
            co_return lock;
        }
        say(*request, fmt::format("the run is under way in {}: asked it to roll back", who));
    }
    co_return co_await wait_for_lock(request, plan, owner, pid);
}

/// Who cannot write here can write elsewhere, and who cannot write on this machine can still type.
Error with_other_ways(Error error, const Plan& plan, const fs::path& folder) {
    if (error.code != Code::io && error.code != Code::unreadable) {
        return error;
    }
    const auto add = [&error](std::string_view what, const std::string& command) {
        if (!command.empty()) {
            error.hint += fmt::format("{}{}: {}", error.hint.empty() ? "" : "; ", what, command);
        }
    };
    add("write elsewhere",
        Suggestion{"rollback apply", {names::state_dir, "DIR", names::run, folder.string()}}.text()
    );
    add("by hand", manual_command(plan.playbook.traffic, plan.home()));
    return error;
}

/// Space for some lines, too: a full disk lets files be opened.
bool takes_bytes(const fs::path& folder) {
    const fs::path trial = folder / ("trial.tmp-" + random_hex(4));
    const bool taken =
        write_file_once(trial, std::string(std::size_t{64} << 10U, '\n')).has_value();
    std::error_code ignored;
    fs::remove(trial, ignored);
    return taken;
}

/// Regular files alone: a process that was killed leaves its control socket. The copy is there
/// whole or not at all.
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

/// The run's folder, or a copy in another state directory when it cannot be written: its disk may
/// be full or read-only.
Result<run::RunSession>
open_session(const fs::path& path, const RollbackRequest& request, const Redactor& redactor) {
    const fs::path copy = request.by.state_dir / "runs" / path.filename();
    if (!is_elsewhere(path, request.by.state_dir) ||
        takes_bytes(path)) { // here a rollback goes on with what the journal has
        return run::RunSession::resume(path, redactor, request.by.observer);
    }
    OA_CHECK(make_dirs(copy.parent_path()));
    const bool again = is_there(copy / run::k_plan_file); // an earlier rollback made it
    if (!again) {
        OA_CHECK(copy_run(path, copy));
    }
    say(request,
        fmt::format(
            "the run's folder cannot be written: going on with {} copy, {}; what is there stays as "
            "it is",
            again ? "the" : "a",
            copy.string()
        ));
    return run::RunSession::resume(copy, redactor, request.by.observer);
}

} // namespace

Task<Result<run::RunResult>> roll_back_run(RollbackRequest request) {
    OA_CO_TRY(const fs::path path, run::find_run(request.by.state_dir, request.run));
    request.run = path.filename().string();
    const Json stored = run::document_in(path / "run.json");
    if (has_only_fault(path)) {
        co_return roll_back_fault(request.by, path, stored);
    }
    OA_CO_CHECK(check_moved(request.by.state_dir, path, stored));
    OA_CO_TRY(Plan plan, plan_of(path, stored));
    const auto executor = co_await asio::this_coro::executor;
    Playbook unmeasured = plan.playbook; // a rollback asks no source, and must not need one
    unmeasured.sources.clear();
    OA_CO_TRY(Outside outside, open_outside(executor, unmeasured));
    OA_CO_TRY(const auto fence, co_await end_elsewhere(&request, &plan, path));
    const auto lock = co_await lock_for(&request, &plan, path);
    if (!lock) {
        co_return std::unexpected(with_other_ways(lock.error(), plan, path));
    }
    OA_CO_TRY(const auto routes_lock, lock_routes(request.by.state_dir, plan, request.run));
    auto opened = open_session(path, request, outside.redactor);
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
    make_instruments(run, executor);
    make_hooks(run, executor);
    run.may_write = [&lock] { return lock->check(); };
    RunInput input = engine_input(run);
    input.last = {};
    if (has_routes_to_undo(run.plan, run.session.folder())) {
        input.last = [&run](Journal* journal) { return undo_route_step(&run, journal); };
    }
    auto [outcome, had_ended] = co_await roll_back_by_journal(std::move(input));
    run.title = "rollback of " + run.playbook().name;
    run.facts = {{"target", run.plan.target}, {"plan", run.plan.id}, {"version", run.by.version}};
    const bool unverified = outcome.exit == ExitCode::rollback_unverified;
    std::string next = unverified ? rollback_commands(run, outcome.foreign) : "";
    if (outcome.gone && !has_routes_to_undo(run.plan, run.session.folder())) {
        next = Suggestion{"cutover abandon", {names::run, request.run}}.text();
    }
    co_await tell_end(&run, &outcome, next);
    // It was judged: also when a rollback after that died and left no end in the journal.
    const bool judged = had_ended || string_member(stored, "verdict").has_value();
    const run::Conclusion end{outcome.verdict, outcome.exit, outcome.ended};
    const std::string file = run.session.rollback_name() + ".md";
    co_return run.session.finish_rollback(
        end, report_of(run, std::move(outcome), std::move(next), file), judged
    );
}

} // namespace oa_stream::playbook
