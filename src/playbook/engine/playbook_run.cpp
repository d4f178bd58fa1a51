#include "playbook_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/finished.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "drill/planted_fault.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

/// Nobody else works on the target or its routes, and no earlier run left anything undone there.
struct RunLocks {
    std::optional<run::TargetLock> target;
    std::optional<run::TargetLock> routes;
};

Result<RunLocks> lock_run(const PlaybookRun& run) {
    RunLocks out;
    if (run.mode == RunMode::rehearse || !moves_traffic(run.playbook().kind)) {
        return out;
    }
    const Json owner = {{"run", run.folder.id()}, {"what", "apply"}};
    OA_TRY(out.target, run::TargetLock::take(run.by.state_dir, run.plan.target, owner));
    OA_TRY(out.routes, lock_routes(run.by.state_dir, run.plan, run.folder.id()));
    // Lanes of its own are new; a rollback is how everything comes back, whatever moved it.
    if (!brings_its_own_lanes(run.playbook()) && run.playbook().kind != Kind::rollback) {
        OA_CHECK(check_nothing_undone(run.by.state_dir, run.plan.target));
    }
    return out;
}

Result<Plan> plan_of(const PlaybookRun& run, const traffic::TrafficState& live) {
    Plan known = run.plan;
    if (!known.source) {
        return make_plan(
            std::move(known.playbook), std::move(known.driver), std::move(known.target), live
        );
    }
    PlanFacts facts;
    facts.created_at = rfc3339_millis(std::chrono::system_clock::now());
    facts.etag = live.etag;
    facts.exact = live.exact;
    return make_plan(
        std::move(known.playbook),
        std::move(known.driver),
        std::move(known.target),
        live,
        *std::move(known.source),
        std::move(facts)
    );
}

void add_facts(PlaybookRun& run) {
    auto& facts = run.report.facts;
    run.report.plan = run.plan.id;
    if (!run.plan.id.empty()) {
        facts.emplace_back("plan", run.plan.id);
    }
    facts.emplace_back("version", run.by.version);
    if (run.mode == RunMode::rehearse) {
        facts.emplace_back("dry run", "every mutation was previewed, none was made");
    }
    if (run.asserted) {
        facts.emplace_back(
            "stated by hand",
            fmt::format(
                "{:g}% of the error budget consumed; reason: {}",
                run.asserted->budget_consumed * 100,
                run.asserted->reason
            )
        );
    }
    if (!run.reopen.empty()) {
        facts.emplace_back("reopened because", run.reopen);
    }
}

} // namespace

void PlaybookRun::say(std::string_view line) const {
    if (by.observer.say) {
        by.observer.say(folder.redactor().apply(line));
    }
}

Result<PlaybookRun> begin_run(Operator by, Plan plan, Outside outside, RunMode mode, Json target) {
    const Playbook& playbook = plan.playbook;
    const bool dry = mode == RunMode::rehearse;
    OA_TRY(
        auto folder,
        run::RunFolder::create(
            by.state_dir,
            {.kind = dry ? run::RunKind::rehearsal : run::run_kind(to_string(playbook.kind)),
             .name = playbook.name,
             .target = std::move(target),
             .versions = {{"oa_stream", by.version}},
             .argv = by.argv,
             // Lanes of its own end with the run.
             .mutates = !dry && moves_traffic(playbook.kind) && !brings_its_own_lanes(playbook)},
            outside.redactor
        )
    );
    if (!plan.steps.empty()) {
        folder.write("plan.json", to_json(plan).dump(2) + "\n");
    }
    if (by.on_run) {
        by.on_run(folder.id());
    }
    return PlaybookRun{std::move(by), std::move(plan), std::move(outside), std::move(folder), mode};
}

Task<Result<void>> plan_from_live(PlaybookRun* run) {
    const bool moves = moves_traffic(run->playbook().kind);
    traffic::TrafficState live;
    if (moves) {
        OA_CO_TRY(live, co_await run->outside.driver->read());
        run->say("serving " + live.serving.text());
        run->folder.write("traffic.json", dump_json(live.extra) + "\n");
    }
    OA_CO_TRY(run->plan, plan_of(*run, live));
    if (moves) {
        run->say("plan " + run->plan.id.substr(0, 12));
    }
    for (const std::string& warning : run->plan.warnings) {
        run->say("  warning: " + warning);
    }
    if (run->playbook().routes) {
        OA_CO_TRY(
            run->plan.facts.routes, co_await plan_route_step(&run->outside, &run->playbook())
        );
    }
    co_return Result<void>{};
}

Task<Result<RunOutcome>> carry_out_run(PlaybookRun* run, Prepare prepare) {
    OA_CO_TRY(const RunLocks locks, lock_run(*run));
    OA_CO_CHECK(co_await prepare(run));
    make_instruments(*run, co_await asio::this_coro::executor);
    if (!run->reopen.empty()) {
        run->folder.note("reopened", {{"reason", run->reopen}});
    }
    co_return co_await run_plan(engine_input(*run));
}

void make_instruments(PlaybookRun& run, const asio::any_io_executor& executor) {
    const Playbook& playbook = run.playbook();
    LiveOptions live = run.live;
    live.users = run.outside.users;
    live.on_check = run.by.observer.check;
    live.stable = playbook.traffic.stable;
    live.canary = playbook.traffic.canary;
    live.prompt = playbook.target.prompt;
    live.control_url = playbook.target.control_url;
    live.probes = run.probes;
    live.writes = run.mode == RunMode::live;
    run.instruments = make_live_instruments(
        executor, *run.outside.client, run.outside.driver.get(), run.folder, std::move(live)
    );
}

Sources sources_of(const Outside& outside) {
    Sources out;
    for (const auto& [kind, source] : outside.sources) {
        out[kind] = source.get();
    }
    return out;
}

RunInput engine_input(PlaybookRun& run) {
    RunInput out;
    out.plan = &run.plan;
    out.driver = run.outside.driver.get();
    out.instruments = run.instruments.get();
    out.folder = &run.folder;
    out.stop = run.by.stop;
    out.mode = run.mode;
    out.probes = run.probes;
    out.asserted = run.asserted;
    out.sources = sources_of(run.outside);
    out.observer = run.by.observer;
    if (out.driver != nullptr) {
        out.timing.driver_call = std::max(out.timing.driver_call, out.driver->patience());
    }
    run.routes = {
        .plan = &run.plan,
        .outside = &run.outside,
        .folder = &run.folder,
        .stop = run.by.stop,
        .mode = run.mode,
        .observer = run.by.observer,
    };
    if (run.playbook().routes) {
        out.last = [step = &run.routes] { return set_routes(step); };
    }
    return out;
}

RunEnd end_run(PlaybookRun& run, Result<RunOutcome> ended) {
    RunOutcome outcome = ended ? *std::move(ended) : not_executed(ended.error());
    const bool not_back = outcome.exit == ExitCode::rollback_unverified || outcome.held;
    if (auto check = remove_fault(run.folder.path())) {
        run.folder.note("fault taken back", {{"how", check->detail}});
        if (check->verdict != Verdict::pass) {
            add_fault_check(outcome, *std::move(check));
        }
    }
    add_facts(run);
    if (run.plan.source && not_back) {
        run.report.next = rollback_commands(run);
    } else if (!planted_fault(run.folder.path()).empty()) {
        run.report.next = "oa-stream rollback apply --run " + run.folder.id();
    }
    return finish_run(run.folder, std::move(outcome), run.report);
}

std::string rollback_commands(const PlaybookRun& run) {
    const std::string command = manual_command(run.playbook().traffic, run.plan.home());
    std::string out = fmt::format("oa-stream rollback apply --run {}", run.folder.id());
    out += command.empty() ? "" : "; by hand: " + command;
    out += has_routes_to_undo(run.plan, run.folder) ? "; " + manual_route_command(run.plan) : "";
    return out;
}

} // namespace oa_stream::playbook
