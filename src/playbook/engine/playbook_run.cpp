#include "playbook_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/conclusion.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "drill/planted_fault.hpp"
#include "plan/plan_back.hpp"
#include "plan/plan_file.hpp"
#include "rollback_commands.hpp"
#include "route_step.hpp"
#include "status/finished.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

/// Locks that keep others from working on the target or its routes, with no earlier run left undone
/// there.
struct RunLocks {
    std::optional<run::TargetLock> target;
    std::optional<run::TargetLock> routes;
};

Result<RunLocks> lock_run(const PlaybookRun& run) {
    RunLocks out;
    if (run.mode == RunMode::rehearse || !moves_traffic(run.playbook().kind)) {
        return out;
    }
    const Json owner = {{"run", run.session.id()}, {"what", "apply"}};
    OA_TRY(out.target, run::TargetLock::acquire(run.by.state_dir, run.plan.target, owner));
    OA_TRY(out.routes, lock_routes(run.by.state_dir, run.plan, run.session.id()));
    // A playbook's own lanes are new, and a rollback restores everything, whatever moved it.
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
    auto& facts = run.facts;
    if (!run.plan.id.empty()) {
        facts.emplace_back("plan", run.plan.id);
    }
    facts.emplace_back("version", run.by.version);
    if (run.mode == RunMode::rehearse) {
        facts.emplace_back("dry run", "every mutation was previewed, none was made");
    }
    if (run.asserted) {
        facts.emplace_back(
            "stated budget",
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
    for (const std::string& fault : run.faults) {
        facts.emplace_back("planted fault", fault);
    }
}

/// The outcome of a run that did not begin.
RunOutcome not_executed(run::RunSession& session, const Error& error) {
    RunOutcome out;
    session.add("setup", Verdict::error, error.text());
    out.conclude(session, {.error = error.code});
    out.headline = fmt::format("Could not begin: {}; no traffic was moved.", error.text());
    return out;
}

/// Lets other processes of this user steer the run. Without it a run can still be rolled back by a
/// signal, but a pause of its playbook could never be ended.
Result<std::optional<run::ControlSocket>>
open_control(PlaybookRun& run, const asio::any_io_executor& executor) {
    if (run.mode == RunMode::rehearse || !moves_traffic(run.playbook().kind) ||
        run.by.stop == nullptr) {
        return std::nullopt;
    }
    run.steering = std::make_unique<run::Steering>(*run.by.stop);
    run.steering->on_order([session = &run.session](const run::Order& order, const auto& at) {
        session->report(
            "order",
            fmt::format("{}", order.text()),
            {{"action", to_string(order.action)},
             {"who", order.who},
             {"reason", order.reason},
             {"step", at.step},
             {"stage", at.stage}}
        );
    });
    auto door = run::ControlSocket::open(executor, run.session.folder().path(), *run.steering);
    if (!door) {
        run.steering.reset();
        const std::string what = "this run cannot be steered: " + door.error().text();
        if (!run.playbook().stage.pause_after.empty()) {
            return fail(door.error().code, what + "; stage.pause.after needs that");
        }
        run.session.report("control socket", "  " + what, {});
        run.facts.emplace_back("not steerable", door.error().text());
        return std::nullopt;
    }
    return *std::move(door);
}

Json orders_of(const PlaybookRun& run) {
    const auto order_json = [](const run::Order& order) -> Json {
        return {{"action", to_string(order.action)}, {"who", order.who}, {"reason", order.reason}};
    };
    return run.steering ? json_list(run.steering->orders(), order_json) : Json::array();
}

Json facts_json(const std::optional<report::RollbackFacts>& some) {
    return some ? report::to_json(*some) : Json(nullptr);
}

/// Number of checks per mode: skipped and rehearsed ones are not a live pass.
Json modes_of(const std::vector<Check>& checks) {
    Json out = Json::object();
    for (const CheckMode mode :
         {CheckMode::live,
          CheckMode::rehearsed,
          CheckMode::replayed,
          CheckMode::asserted,
          CheckMode::skipped}) {
        out[std::string(to_string(mode))] = std::ranges::count(checks, mode, &Check::mode);
    }
    return out;
}

/// The members of run.json that only a playbook's run has.
Json members_of(const PlaybookRun& run, const RunOutcome& outcome) {
    Json out = {
        {"plan", or_null(run.plan.id)},
        {"faults", run.faults},
        {"mutated", outcome.mutated},
        {"held", outcome.held},
        {"restored", outcome.restored},
        {"stages", json_list(outcome.stages)},
        {"rollback", facts_json(outcome.rollback)},
        {"restore", facts_json(outcome.restore)},
        {"drill", outcome.drill ? report::to_json(*outcome.drill) : Json(nullptr)},
        {"modes", modes_of(run.session.checks())},
        {"orders", orders_of(run)},
        {"notes", outcome.notes},
        {"next_manual", outcome.next_manual},
    };
    if (!run.approvals.empty()) {
        out["approvals"] = run.approvals;
    }
    if (run.hooks) {
        out["hooks"] = run.hooks->summary();
    }
    return out;
}

} // namespace

Result<PlaybookRun> begin_run(Operator by, Plan plan, Outside outside, RunMode mode, Json target) {
    const Playbook& playbook = plan.playbook;
    const bool dry = mode == RunMode::rehearse;
    std::error_code unknown;
    target[k_started_in] = std::filesystem::current_path(unknown).string();
    OA_TRY(
        auto session,
        run::RunSession::begin(
            by.state_dir,
            {.kind = dry ? run::RunKind::rehearsal : run::run_kind(to_string(playbook.kind)),
             .name = playbook.name,
             .target = std::move(target),
             .versions = {{"oa_stream", by.version}},
             .argv = by.argv,
             // The playbook's own lanes end with the run.
             .mutates = !dry && moves_traffic(playbook.kind) && !brings_its_own_lanes(playbook)},
            outside.redactor,
            by.observer
        )
    );
    if (!plan.steps.empty()) {
        session.folder().write(run::k_plan_file, json_document(to_json(plan)));
    }
    if (by.on_run) {
        by.on_run(session.id());
    }
    return PlaybookRun{
        {.mode = mode}, std::move(by), std::move(plan), std::move(outside), std::move(session)
    };
}

Task<Result<void>> plan_from_live(PlaybookRun* run) {
    const bool moves = moves_traffic(run->playbook().kind);
    traffic::TrafficState live;
    if (moves) {
        OA_CO_TRY(live, co_await run->outside.driver->read());
        run->session.say("serving " + traffic::serving_text(live));
        run->session.folder().write("traffic.json", dump_json(live.extra) + "\n");
    }
    OA_CO_TRY(run->plan, plan_of(*run, live));
    // Our own lanes end with the run, and a rehearsal restores nothing.
    if (moves && run->plan.source && run->mode == RunMode::live) {
        OA_CO_CHECK(check_no_secret(run->plan, run->outside.redactor));
    }
    if (moves) {
        run->session.say("plan " + run->plan.short_id());
    }
    for (const std::string& warning : run->plan.warnings) {
        run->session.say("  warning: " + warning);
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
    make_hooks(*run, co_await asio::this_coro::executor);
    if (!run->reopen.empty()) {
        run->session.folder().note("reopened", {{"reason", run->reopen}});
    }
    if (locks.target) {
        run->may_write = [&lock = *locks.target] { return lock.check(); };
    }
    OA_CO_TRY(const auto door, open_control(*run, co_await asio::this_coro::executor));
    const auto over = std::make_shared<bool>(false);
    if (run->outside.user_tokens) {
        spawn(co_await asio::this_coro::executor, "token", renew_token(over, run));
    }
    auto ended = co_await run_plan(engine_input(*run));
    *over = true;
    if (const auto ours = run->may_write ? run->may_write() : Result<void>{}; !ours) {
        run->lost = ours.error();
    }
    co_return ended;
}

void make_instruments(PlaybookRun& run, const asio::any_io_executor& executor) {
    const Playbook& playbook = run.playbook();
    LiveOptions live = run.live;
    live.users = run.outside.users;
    live.on_check = [session = &run.session](const Check& check) { session->show(check); };
    live.arms = playbook.traffic.arms();
    live.prompt = playbook.target.prompt;
    live.control_url = playbook.target.control_url;
    live.probes = run.probes;
    live.cleans_up = !brings_its_own_lanes(playbook);
    live.writes = run.mode == RunMode::live;
    run.instruments = make_live_instruments(
        executor,
        *run.outside.client,
        run.outside.driver.get(),
        run.session.folder(),
        std::move(live)
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
    static_cast<RunTerms&>(out) = static_cast<const RunTerms&>(run);
    out.plan = &run.plan;
    out.driver = run.outside.driver.get();
    out.instruments = run.instruments.get();
    out.session = &run.session;
    out.stop = run.by.stop;
    out.hooks = run.hooks.get();
    out.steering = run.steering.get();
    out.sources = sources_of(run.outside);
    out.on_stage = run.by.on_stage;
    if (out.driver != nullptr) {
        out.timing.driver_call = std::max(out.timing.driver_call, out.driver->patience());
    }
    if (run.playbook().routes) {
        out.last = [&run](Journal* journal) { return set_routes(&run, journal); };
        out.undo_last = [&run](Journal* journal) { return undo_route_step(&run, journal); };
    }
    return out;
}

report::Report
report_of(const PlaybookRun& run, RunOutcome outcome, Advice next, std::string_view file) {
    outcome.title = run.title;
    outcome.facts = run.facts;
    outcome.more = members_of(run, outcome);
    if (outcome.exit != ExitCode::ok) {
        outcome.next = next.empty() ? less(run.session.folder().path() / file) : std::move(next);
    }
    if (!outcome.rollback) {
        outcome.rollback = std::move(outcome.restore);
    }
    return std::move(static_cast<report::Report&>(outcome));
}

Task<Result<run::RunResult>> end_run(PlaybookRun* input, Result<RunOutcome> ended) {
    PlaybookRun& run = *input;
    if (run.lost) {
        co_return std::unexpected(*run.lost);
    }
    RunOutcome outcome = ended ? *std::move(ended) : not_executed(run.session, ended.error());
    const bool not_back =
        outcome.held || (outcome.exit == ExitCode::rollback_unverified && !outcome.only_fault_left);
    add_facts(run);
    Advice next;
    if (run.plan.source && not_back) {
        auto commands = rollback_commands(run, outcome);
        next = std::move(commands.advice);
        outcome.next_manual = commands.manual;
    } else if (!planted_fault(run.session.folder().path()).empty()) {
        next = run::suggest_rollback(run.session.id());
    }
    const bool used_up = run.needs_new_plan || outcome.needs_new_plan;
    if (next.empty() && !run.plan_file.empty() && used_up) {
        next = plan_again_command(run.plan, run.plan_file);
    }
    if (next.empty() && !ended) {
        next = ended.error().hint;
    }
    const Suggestion incident = run::suggest_incident(run.session.id());
    if (!is_there(run.session.folder().path())) {
        // The folder was removed, so there is nothing to show of it.
    } else if (outcome.exit == ExitCode::rolled_back && next.empty()) {
        next = incident;
    } else if (outcome.exit == ExitCode::rollback_unverified) {
        outcome.notes.push_back("For the incident: " + incident.text());
    }
    const run::Conclusion end{outcome.verdict, outcome.exit, outcome.ended};
    co_await tell_end(&run, &outcome, next);
    co_return run.session.finish(
        end, report_of(run, std::move(outcome), std::move(next), run::k_report_file)
    );
}

} // namespace oa_stream::playbook
