// A run that is to be taken back, dead or ended: everything from its folder.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/run_reports.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "engine/route_step.hpp"
#include "plan/forecast.hpp"
#include "plan/plan_file.hpp"
#include "planted_fault.hpp"
#include "rollback_run.hpp"
#include "stage/live.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <signal.h> // NOLINT(modernize-deprecated-headers): kill

#include <algorithm>
#include <array>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

struct TakingBack {
    RollbackRequest request;
    Plan plan;
    Outside outside;
    run::RunFolder folder;
    bool had_ended = false; ///< before we took it up
    std::unique_ptr<Instruments> instruments{};
};

Result<fs::path> folder_of(const RollbackRequest& request) {
    const bool name = !request.run.empty() && !request.run.contains('/') && request.run != "." &&
                      request.run != "..";
    fs::path folder = request.by.state_dir / "runs" / request.run;
    std::error_code ignored;
    if (!name || !fs::is_directory(folder, ignored)) {
        return fail(
            Code::usage,
            fmt::format("there is no run '{}'", request.run),
            (request.by.state_dir / "runs").string(),
            "oa-stream cutover status"
        );
    }
    return folder;
}

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

/// The plan that the run had; what is wrong with it must not stand in the way back.
Result<Plan> plan_of(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(folder / "plan.json", ignored)) {
        return holds_traffic(folder) ? fail(
                                           Code::precondition,
                                           "its plan is gone, so it cannot be taken back from here",
                                           folder,
                                           "oa-stream rollback plan rollback --set … --out "
                                           "back.json takes everything "
                                           "back, whatever moved it"
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
    if (request->by.observer.say) {
        request->by.observer.say(
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

Json json_of(const RunOutcome& outcome) {
    Json checks = Json::array();
    for (const Check& check : outcome.checks) {
        checks.push_back(to_json(check));
    }
    return {
        {"verdict", to_string(outcome.verdict)},
        {"exit_code", static_cast<int>(outcome.exit)},
        {"headline", outcome.headline},
        {"restored", outcome.restored},
        {"checks", std::move(checks)},
        {"rollback", outcome.rollback ? report::to_json(*outcome.rollback) : Json(nullptr)},
        {"notes", outcome.notes},
    };
}

/// What run.json says from now on: a run that died has no verdict of its own but ERROR.
Json run_json(const TakingBack& taking, const RunOutcome& outcome) {
    Json out = {
        {"rolled_back", json_of(outcome)},
        {"restored", outcome.restored},
        {"ended",
         to_string(
             outcome.restored ? run::RunEnding::rolled_back : run::RunEnding::rollback_unverified
         )},
    };
    if (!taking.had_ended) {
        out["verdict"] = to_string(Verdict::error);
        out["exit_code"] = static_cast<int>(
            outcome.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified
        );
        out["headline"] = "The run died; afterwards: " + outcome.headline;
        out["checks"] = json_of(outcome)["checks"];
    }
    return out;
}

void write_report(TakingBack& taking, const RunOutcome& outcome, const std::string& next) {
    report::Report report;
    report.id = taking.folder.id();
    report.title = "rollback of " + taking.plan.playbook.name;
    report.verdict = outcome.verdict;
    report.exit_code = static_cast<int>(outcome.exit);
    report.headline = outcome.headline;
    report.started_at = rfc3339_millis(taking.folder.started());
    report.duration_s = taking.folder.seconds_since_start();
    report.facts = {
        {"target", taking.plan.target},
        {"plan", taking.plan.id},
        {"version", taking.request.by.version},
    };
    report.checks = outcome.checks;
    report.rollback = outcome.rollback;
    report.notes = outcome.notes;
    report.next = next;
    const std::string text = report::report_markdown(report);
    taking.folder.write("rollback.md", text);
    std::error_code ignored;
    if (!fs::exists(taking.folder.path() / "report.md", ignored)) {
        run::write_reports(taking.folder, report); // it died before it could report
    }
}

void say_fault(TakingBack& taking, const Check& check) {
    taking.folder.note("check", {{"check", to_json(check)}});
    if (taking.request.by.observer.say) {
        taking.request.by.observer.say(
            fmt::format("  {} {}: {}", to_string(check.verdict), check.id, check.detail)
        );
    }
}

RunEnd conclude(TakingBack& taking, RunOutcome outcome) {
    std::string next;
    if (outcome.exit == ExitCode::rollback_unverified) {
        const std::string command =
            manual_command(taking.plan.playbook.traffic, taking.plan.home());
        next = fmt::format("oa-stream rollback apply --run {}", taking.folder.id());
        next += command.empty() ? "" : "; by hand: " + command;
        next += has_routes_to_undo(taking.plan, taking.folder)
                    ? "; " + manual_route_command(taking.plan)
                    : "";
    } else if (outcome.exit != ExitCode::ok) {
        next = less_command(taking.folder.path() / "rollback.md");
    }
    taking.folder.note("rollback ended", {{"verdict", to_string(outcome.verdict)}});
    write_report(taking, outcome, next);
    const auto finished = taking.folder.finish(run_json(taking, outcome));
    if (!finished) {
        outcome.notes.push_back("Evidence is incomplete: " + finished.error().text());
    }
    RunEnd out;
    out.run = taking.folder.id();
    out.evidence = taking.folder.path();
    out.next = next;
    out.document = {
        {"verdict", to_string(outcome.verdict)},
        {"run", out.run},
        {"evidence", out.evidence.string()},
    };
    out.document.update(json_of(outcome));
    out.document["next"] = next;
    out.outcome = std::move(outcome);
    return out;
}

} // namespace

Task<Result<RunEnd>> roll_back_run(RollbackRequest request) {
    OA_CO_TRY(const fs::path path, folder_of(request));
    const Json run = run::document_in(path / "run.json");
    OA_CO_CHECK(check_moved(path, run));
    OA_CO_TRY(Plan plan, plan_of(path));
    const auto executor = co_await asio::this_coro::executor;
    Playbook unmeasured = plan.playbook; // a way back asks no source, and must not need one
    unmeasured.sources.clear();
    OA_CO_TRY(Outside outside, open_outside(executor, unmeasured));
    OA_CO_TRY(const run::TargetLock lock, co_await lock_for(&request, &plan));
    OA_CO_TRY(const auto routes_lock, lock_routes(request.by.state_dir, plan, request.run));
    OA_CO_TRY(auto folder, run::RunFolder::reopen(path, outside.redactor));
    TakingBack taking{std::move(request), std::move(plan), std::move(outside), std::move(folder)};
    if (taking.request.by.on_run) {
        taking.request.by.on_run(taking.folder.id());
    }
    LiveOptions live;
    live.users = taking.outside.users;
    live.on_check = taking.request.by.observer.check;
    live.stable = taking.plan.playbook.traffic.stable;
    live.canary = taking.plan.playbook.traffic.canary;
    live.prompt = taking.plan.playbook.target.prompt;
    taking.instruments = make_live_instruments(
        executor,
        *taking.outside.client,
        taking.outside.driver.get(),
        taking.folder,
        std::move(live)
    );
    RunInput input;
    input.plan = &taking.plan;
    input.driver = taking.outside.driver.get();
    input.instruments = taking.instruments.get();
    input.folder = &taking.folder;
    input.stop = taking.request.by.stop;
    input.observer = taking.request.by.observer;
    input.timing.driver_call = input.driver->patience();
    const RouteStep routes{
        .plan = &taking.plan,
        .outside = &taking.outside,
        .folder = &taking.folder,
        .observer = taking.request.by.observer,
    };
    if (has_routes_to_undo(taking.plan, taking.folder)) {
        input.last = [step = &routes] { return undo_route_step(step); };
    }
    auto [outcome, had_ended] = co_await take_back(std::move(input));
    // It was judged: also when a rollback after that died and left no end in the journal.
    taking.had_ended = had_ended || string_member(run, "verdict").has_value();
    if (auto fault = take_fault_out(taking.folder.path())) {
        say_fault(taking, *fault);
        tell_fault(outcome, *std::move(fault));
    }
    co_return conclude(taking, std::move(outcome));
}

} // namespace oa_stream::playbook
