// A plan file → a run.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/finished.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "plan/forecast.hpp"
#include "plan/plan_file.hpp"
#include "route_step.hpp"
#include "seal.hpp"
#include "stage/live.hpp"
#include "within.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::playbook {
namespace {

struct Applying {
    ApplyRequest request;
    Plan plan;
    Outside outside;
    run::RunFolder folder;
    std::unique_ptr<Instruments> instruments{};
    RouteStep routes{};
};

/// All that forbids to begin; nothing was changed and nothing is.
Task<Result<void>> check_ground(Applying* applying) {
    const Plan& plan = applying->plan;
    traffic::TrafficDriver& driver = *applying->outside.driver;
    OA_CO_CHECK(check_age(plan, std::chrono::system_clock::now()));
    if (driver.target() != plan.target) {
        co_return fail(
            Code::precondition,
            fmt::format("the plan is for {}, not for {}", plan.target, driver.target())
        );
    }
    OA_CO_TRY(const auto live, co_await within(driver.patience(), driver.read()));
    if (!live.settled) {
        co_return fail(
            Code::precondition, "an earlier change of traffic is still being carried out"
        );
    }
    const Json revisions = co_await revision_facts(&applying->outside, &plan.playbook, &live);
    if (const auto drifted = drift(plan, live, revisions); !drifted.empty()) {
        co_return fail(
            Code::precondition,
            fmt::format("not as it was planned: {}", fmt::join(drifted, "; ")),
            {},
            "make a new plan"
        );
    }
    const bool over = live.serving.percent_of(plan.playbook.traffic.canary) == 100;
    if (over && plan.playbook.kind != Kind::rollback && applying->request.reopen.empty()) {
        co_return fail(
            Code::precondition,
            fmt::format("{} already has 100%: this cutover is over", plan.playbook.traffic.canary),
            {},
            "to run its stages again, give --reopen REASON"
        );
    }
    co_return co_await check_route_drift(&applying->outside, &plan);
}

void make_instruments(Applying& applying, const asio::any_io_executor& executor) {
    LiveOptions live;
    live.users = applying.outside.users;
    live.on_check = applying.request.by.observer.check;
    live.stable = applying.plan.playbook.traffic.stable;
    live.canary = applying.plan.playbook.traffic.canary;
    live.prompt = applying.plan.playbook.target.prompt;
    live.control_url = applying.plan.playbook.target.control_url;
    applying.instruments = make_live_instruments(
        executor,
        *applying.outside.client,
        applying.outside.driver.get(),
        applying.folder,
        std::move(live)
    );
}

Task<Result<RunOutcome>> apply_under_lock(Applying* applying) {
    const Operator& by = applying->request.by;
    OA_CO_TRY(
        const run::TargetLock lock,
        run::TargetLock::take(
            by.state_dir, applying->plan.target, {{"run", applying->folder.id()}, {"what", "apply"}}
        )
    );
    OA_CO_TRY(
        const auto routes_lock, lock_routes(by.state_dir, applying->plan, applying->folder.id())
    );
    if (applying->plan.playbook.kind != Kind::rollback) {
        OA_CO_CHECK(check_nothing_undone(by.state_dir, applying->plan.target));
    }
    OA_CO_CHECK(co_await check_ground(applying));
    if (applying->plan.playbook.routes) {
        OA_CO_CHECK(reserve_routes_journal(applying->folder));
    }
    OA_CO_CHECK(spend(by.state_dir, applying->plan, applying->folder.id()));
    make_instruments(*applying, co_await asio::this_coro::executor);
    if (!applying->request.reopen.empty()) {
        applying->folder.note("reopened", {{"reason", applying->request.reopen}});
    }
    RunInput run;
    run.plan = &applying->plan;
    run.driver = applying->outside.driver.get();
    run.instruments = applying->instruments.get();
    run.folder = &applying->folder;
    run.stop = by.stop;
    run.asserted = applying->request.asserted;
    run.sources = opened(applying->outside);
    run.observer = by.observer;
    run.timing.driver_call = applying->outside.driver->patience();
    if (applying->plan.playbook.routes) {
        applying->routes = {
            .plan = &applying->plan,
            .outside = &applying->outside,
            .folder = &applying->folder,
            .stop = by.stop,
            .observer = by.observer,
        };
        run.last = [step = &applying->routes] { return set_routes(step); };
    }
    co_return co_await run_plan(std::move(run));
}

RunPaper paper_of(const Applying& applying, const RunOutcome& outcome) {
    RunPaper out;
    out.title = applying.plan.playbook.name;
    out.plan = applying.plan.id;
    out.facts = {
        {"target", applying.plan.target},
        {"plan", applying.plan.id},
        {"playbook", applying.plan.source ? applying.plan.source->file : ""},
        {"version", applying.request.by.version},
    };
    if (applying.request.asserted) {
        out.facts.emplace_back("stated by hand", applying.request.asserted->reason);
    }
    if (!applying.request.reopen.empty()) {
        out.facts.emplace_back("reopened because", applying.request.reopen);
    }
    if (outcome.exit == ExitCode::rollback_unverified || outcome.held) {
        const std::string command =
            manual_command(applying.plan.playbook.traffic, applying.plan.home());
        out.next = fmt::format("oa-stream rollback apply --run {}", applying.folder.id());
        out.next += command.empty() ? "" : "; by hand: " + command;
        out.next += has_routes_to_undo(applying.plan, applying.folder)
                        ? "; " + manual_route_command(applying.plan)
                        : "";
    }
    return out;
}

} // namespace

Task<Result<RunEnd>> apply_plan(ApplyRequest request) {
    OA_CO_TRY(Plan plan, load_plan(request.plan));
    if ((plan.playbook.kind == Kind::rollback) != request.rollback) {
        co_return fail(
            Code::usage,
            fmt::format("this is the plan of a {}", to_string(plan.playbook.kind)),
            request.plan.string(),
            request.rollback ? "oa-stream cutover apply" : "oa-stream rollback apply"
        );
    }
    OA_CO_TRY(Outside outside, open_outside(co_await asio::this_coro::executor, plan.playbook));
    OA_CO_TRY(
        auto folder,
        run::RunFolder::create(
            request.by.state_dir,
            {.kind = run::run_kind(to_string(plan.playbook.kind)),
             .name = plan.playbook.name,
             .target = {{"driver", plan.driver}, {"what", plan.target}},
             .versions = {{"oa_stream", request.by.version}},
             .argv = request.by.argv,
             .mutates = true},
            outside.redactor
        )
    );
    Applying applying{std::move(request), std::move(plan), std::move(outside), std::move(folder)};
    // From here on the folder alone is enough to take the run back.
    applying.folder.write("plan.json", to_json(applying.plan).dump(2) + "\n");
    if (applying.request.by.on_run) {
        applying.request.by.on_run(applying.folder.id());
    }
    auto ended = co_await apply_under_lock(&applying);
    RunOutcome outcome = ended ? *std::move(ended) : not_executed(ended.error());
    RunPaper paper = paper_of(applying, outcome);
    co_return seal(applying.folder, std::move(outcome), paper);
}

} // namespace oa_stream::playbook
