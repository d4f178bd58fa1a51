// Rolls back a run, dead or ended: everything from its folder.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "engine/playbook_run.hpp"
#include "plan/plan_file.hpp"
#include "planted_fault.hpp"
#include "rollback_run.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <signal.h> // NOLINT(modernize-deprecated-headers): kill

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// A run that never set out to move traffic is left as it is, report and seal included.
Result<void> check_moved(const fs::path& folder, const Json& run) {
    const auto refuse = [&](std::string_view why) {
        return fail(
            Code::precondition,
            fmt::format("{}: there is nothing to roll back", why),
            folder.string(),
            "oa-stream runs show " + folder.filename().string()
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
    if (!wrote && fs::exists(folder / "SHA256SUMS", ignored)) {
        return refuse("this run ended before it moved any traffic");
    }
    return {};
}

/// The plan that the run had; what is wrong with it must not stop a rollback.
Result<Plan> plan_of(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(folder / "plan.json", ignored)) {
        return holds_traffic(folder)
                   ? fail(
                         Code::precondition,
                         "its plan is gone, so it cannot be rolled back from here",
                         folder,
                         "oa-stream rollback plan rollback --set … --out "
                         "back.json restores "
                         "everything, whatever moved it"
                     )
                   : fail(
                         Code::precondition,
                         "this run began nothing: there is nothing to roll back",
                         folder
                     );
    }
    OA_TRY(const std::string text, read_file(folder / "plan.json"));
    if (const auto json = parse_json(text); json && member(*json, "source") == nullptr) {
        return fail(
            Code::precondition,
            "this run moved its own lanes, which ended with it: there is nothing to roll back",
            folder.string()
        );
    }
    return read_plan(text, (folder / "plan.json").string(), Trust::rescue);
}

// Its own process goes on with the step under way for as long as that may take.
constexpr auto k_obey = std::chrono::minutes(10);
constexpr auto k_poll = Millis{100};

/// The run's lock. When the run itself is under way in another process of this machine, that one is
/// asked to roll back, as by Ctrl-C, and waited for; anybody else keeps the lock.
Task<Result<run::TargetLock>> lock_for(const RollbackRequest* request, const Plan* plan) {
    const Json owner = {{"run", request->run}, {"what", "rollback"}};
    const fs::path& state = request->by.state_dir;
    auto lock = run::TargetLock::take(state, plan->target, owner);
    const auto holder = lock ? std::nullopt : run::TargetLock::holder(state, plan->target);
    const bool own = holder && string_member(*holder, "run") == request->run &&
                     string_member(*holder, "what") == "apply";
    if (lock || !own) {
        co_return lock;
    }
    const auto pid = int_member(*holder, "pid").value_or(0);
    if (pid <= 1 || ::kill(static_cast<pid_t>(pid), SIGINT) != 0) {
        co_return lock;
    }
    if (request->by.observer != nullptr) {
        request->by.observer->say(
            fmt::format("the run is under way in process {}: asked it to roll back", pid)
        );
    }
    const auto deadline = Clock::now() + k_obey;
    while (!lock && Clock::now() < deadline) {
        (void)co_await sleep_for(k_poll);
        lock = run::TargetLock::take(state, plan->target, owner);
    }
    co_return lock;
}

} // namespace

Task<Result<run::RunResult>> roll_back_run(RollbackRequest request) {
    OA_CO_TRY(const fs::path path, run::find_run(request.by.state_dir, request.run));
    request.run = path.filename().string();
    const Json stored = run::document_in(path / "run.json");
    OA_CO_CHECK(check_moved(path, stored));
    OA_CO_TRY(Plan plan, plan_of(path));
    const auto executor = co_await asio::this_coro::executor;
    Playbook unmeasured = plan.playbook; // a rollback asks no source, and must not need one
    unmeasured.sources.clear();
    OA_CO_TRY(Outside outside, open_outside(executor, unmeasured));
    OA_CO_TRY(const run::TargetLock lock, co_await lock_for(&request, &plan));
    OA_CO_TRY(const auto routes_lock, lock_routes(request.by.state_dir, plan, request.run));
    OA_CO_TRY(auto session, run::RunSession::resume(path, outside.redactor, request.by.observer));
    PlaybookRun run{std::move(request.by), std::move(plan), std::move(outside), std::move(session)};
    if (run.by.on_run) {
        run.by.on_run(run.session.id());
    }
    make_instruments(run, executor);
    RunInput input = engine_input(run);
    run.routes.stop = nullptr; // a rollback of routes that has begun is not interrupted
    input.last = {};
    if (has_routes_to_undo(run.plan, run.session.folder())) {
        input.last = [step = &run.routes](Journal* journal) {
            return undo_route_step(step, journal);
        };
    }
    auto [outcome, had_ended] = co_await roll_back_by_journal(std::move(input));
    end_fault(run.session, outcome);
    run.title = "rollback of " + run.playbook().name;
    run.facts = {{"target", run.plan.target}, {"plan", run.plan.id}, {"version", run.by.version}};
    std::string next;
    if (outcome.exit == ExitCode::rollback_unverified) {
        next = rollback_commands(run);
    }
    // It was judged: also when a rollback after that died and left no end in the journal.
    const bool judged = had_ended || string_member(stored, "verdict").has_value();
    const run::Conclusion end{outcome.verdict, outcome.exit, outcome.ended};
    co_return run.session.finish_rollback(
        end, report_of(run, std::move(outcome), std::move(next), "rollback.md"), judged
    );
}

} // namespace oa_stream::playbook
