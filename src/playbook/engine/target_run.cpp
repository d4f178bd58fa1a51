#include "oa_stream/playbook/target_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/finished.hpp"
#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "drill/planted_fault.hpp"
#include "route_step.hpp"
#include "seal.hpp"
#include "stage/live.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

struct TargetRun {
    TargetRunInput input;
    RunMode mode = RunMode::live;
    std::string title;
    Outside outside;
    run::RunFolder folder;
    std::unique_ptr<Instruments> instruments{};
    std::string plan_id{};

    [[nodiscard]] const Playbook& playbook() const noexcept { return input.playbook; }
    void say(const std::string& line) const {
        if (input.observer.say) {
            input.observer.say(folder.redactor().apply(line));
        }
    }
};

/// The lane reads the file again before its next turn.
Task<Result<std::string>> begin_fault(TargetRun* run, int percent) {
    const auto& drill = run->playbook().drill;
    if (!drill || drill->fail_at != percent || drill->fault.empty()) {
        co_return std::string();
    }
    OA_CO_CHECK(plant_fault(run->folder.path(), run->input.faults_file, drill->fault));
    co_return drill->fault;
}

void end_fault(TargetRun& run, RunOutcome& outcome) {
    auto check = take_fault_out(run.folder.path());
    if (!check) {
        return;
    }
    run.folder.note("fault taken back", {{"how", check->detail}});
    if (check->verdict != Verdict::pass) {
        tell_fault(outcome, *std::move(check));
    }
}

void make_instruments(TargetRun& run, const asio::any_io_executor& executor) {
    LiveOptions live;
    live.users = run.outside.users;
    live.on_check = run.input.observer.check;
    live.stable = run.playbook().traffic.stable;
    live.canary = run.playbook().traffic.canary;
    live.prompt = run.playbook().target.prompt;
    live.control_url = run.playbook().target.control_url;
    live.probes = run.input.probes;
    live.writes = run.mode == RunMode::live;
    live.begin_stage = [&run](int percent) { return begin_fault(&run, percent); };
    run.instruments = make_live_instruments(
        executor, *run.outside.client, run.outside.driver.get(), run.folder, std::move(live)
    );
}

Task<Result<traffic::TrafficState>> read_live(TargetRun* run) {
    if (!moves_traffic(run->playbook().kind)) {
        co_return traffic::TrafficState{};
    }
    auto live = co_await run->outside.driver->read();
    if (live) {
        run->say("serving " + live->serving.text());
        run->folder.write("traffic.json", dump_json(live->extra) + "\n");
    }
    co_return live;
}

Result<Plan> plan_of(const TargetRun& run, const traffic::TrafficState& live) {
    const bool moves = moves_traffic(run.playbook().kind);
    std::string kind = moves ? std::string(run.outside.driver->kind()) : "none";
    std::string target = moves ? run.outside.driver->target() : run.playbook().target.base_url;
    if (!run.input.source) {
        return make_plan(run.playbook(), std::move(kind), std::move(target), live);
    }
    PlanFacts facts;
    facts.created_at = rfc3339_millis(std::chrono::system_clock::now());
    facts.etag = live.etag;
    facts.exact = live.exact;
    return make_plan(
        run.playbook(),
        std::move(kind),
        std::move(target),
        live,
        *run.input.source,
        std::move(facts)
    );
}

Task<Result<RunOutcome>> carry_out(TargetRun* run) {
    const bool moves = moves_traffic(run->playbook().kind);
    std::optional<run::TargetLock> lock;
    if (moves && run->mode == RunMode::live) {
        OA_CO_TRY(
            lock,
            run::TargetLock::take(
                run->input.state_dir,
                run->outside.driver->target(),
                {{"run", run->folder.id()}, {"what", "apply"}}
            )
        );
        OA_CO_CHECK(check_nothing_undone(run->input.state_dir, run->outside.driver->target()));
    }
    OA_CO_TRY(const traffic::TrafficState live, co_await read_live(run));
    OA_CO_TRY(Plan plan, plan_of(*run, live));
    run->plan_id = plan.id;
    for (const std::string& warning : plan.warnings) {
        run->say("  warning: " + warning);
    }
    RunInput input;
    input.plan = &plan;
    input.driver = run->outside.driver.get();
    input.instruments = run->instruments.get();
    input.folder = &run->folder;
    input.stop = run->input.stop;
    input.mode = run->mode;
    input.probes = run->input.probes;
    input.asserted = run->input.asserted;
    input.sources = opened(run->outside);
    input.observer = run->input.observer;
    if (moves) {
        input.timing.driver_call =
            std::max(input.timing.driver_call, run->outside.driver->patience());
    }
    RouteStep routes{
        .plan = &plan,
        .outside = &run->outside,
        .folder = &run->folder,
        .stop = run->input.stop,
        .mode = run->mode,
        .observer = run->input.observer,
    };
    if (run->playbook().routes) {
        OA_CO_TRY(plan.facts.routes, co_await plan_route_step(&run->outside, &run->playbook()));
        input.last = [step = &routes] { return set_routes(step); };
    }
    co_return co_await run_plan(std::move(input));
}

RunPaper paper_of(const TargetRun& run) {
    RunPaper out;
    out.title = run.title;
    out.plan = run.plan_id;
    const Playbook& playbook = run.playbook();
    out.facts = {{"playbook", playbook.name}, {"target", playbook.target.base_url}};
    if (run.outside.driver) {
        out.facts.emplace_back("traffic", run.outside.driver->target());
    }
    out.facts.emplace_back("version", run.input.version);
    if (run.mode == RunMode::rehearse) {
        out.facts.emplace_back("dry run", "every mutation was previewed, none was made");
    }
    if (run.input.asserted) {
        out.facts.emplace_back(
            "stated by hand",
            fmt::format(
                "{:g}% of the error budget consumed; reason: {}",
                run.input.asserted->budget_consumed * 100,
                run.input.asserted->reason
            )
        );
    }
    return out;
}

Task<Result<RunEnd>> play(TargetRunInput input, RunMode mode, std::string title) {
    const auto executor = co_await asio::this_coro::executor;
    OA_CO_CHECK(validate(input.playbook));
    if (auto missing = not_carried_out(input.playbook); !missing.empty()) {
        co_return std::unexpected(std::move(missing.front()));
    }
    OA_CO_TRY(Outside outside, open_outside(executor, input.playbook));
    Json target = {{"base_url", input.playbook.target.base_url}};
    if (outside.driver) {
        target["driver"] = outside.driver->kind();
        target["traffic"] = outside.driver->target();
    }
    const bool dry = mode == RunMode::rehearse;
    OA_CO_TRY(
        auto folder,
        run::RunFolder::create(
            input.state_dir,
            {.kind = dry ? run::RunKind::rehearsal : run::run_kind(to_string(input.playbook.kind)),
             .name = input.playbook.name,
             .target = target,
             .versions = {{"oa_stream", input.version}},
             .argv = input.argv,
             .mutates = !dry && moves_traffic(input.playbook.kind)},
            outside.redactor
        )
    );
    TargetRun run{std::move(input), mode, std::move(title), std::move(outside), std::move(folder)};
    make_instruments(run, executor);
    auto ended = co_await carry_out(&run);
    RunOutcome outcome = ended ? *std::move(ended) : not_executed(ended.error());
    end_fault(run, outcome);
    RunPaper paper = paper_of(run);
    if (!planted_fault(run.folder.path()).empty()) {
        paper.next = "oa-stream rollback apply --run " + run.folder.id();
    }
    co_return seal(run.folder, std::move(outcome), paper);
}

Error wrong_kind(const Playbook& playbook, std::string_view wanted, std::string_view hint) {
    return {
        Code::usage,
        fmt::format("{} is of kind {}, not {}", playbook.name, to_string(playbook.kind), wanted),
        {},
        std::string(hint)
    };
}

/// A fault needs a way into the canary.
Result<void> check_drill(const TargetRunInput& input) {
    const Playbook& playbook = input.playbook;
    if (brings_its_own_lanes(playbook)) {
        return fail(
            Code::usage,
            "this drill names no lane and no front door",
            "traffic",
            "oa-stream rollback drill --local"
        );
    }
    const std::string fault = playbook.drill.value_or(DrillSpec{}).fault;
    if (fault.empty()) {
        return {};
    }
    if (fault == "kill") {
        return fail(
            Code::usage,
            "a canary that is not ours is not killed",
            "drill.fault",
            "use --set fault="
        );
    }
    if (input.faults_file.empty()) {
        return fail(
            Code::usage,
            fmt::format("{} cannot be planted: into which file?", fault),
            names::inject_file,
            "the file of the canary's `serve --inject-file`, or --set fault= for a ruled failure"
        );
    }
    return {};
}

} // namespace

Task<Result<RunEnd>> rehearse_target(TargetRunInput input) {
    const Kind kind = input.playbook.kind;
    if (kind != Kind::cutover && kind != Kind::rehearsal) {
        co_return std::unexpected(
            wrong_kind(input.playbook, "cutover", "oa-stream playbook list tells the kinds")
        );
    }
    if (input.playbook.target.base_url.empty()) {
        co_return fail(
            Code::usage,
            "this rehearsal brings its own lanes",
            {},
            "oa-stream cutover rehearse --local"
        );
    }
    co_return co_await play(std::move(input), RunMode::rehearse, "cutover rehearsal");
}

Task<Result<RunEnd>> verify_target(TargetRunInput input) {
    if (moves_traffic(input.playbook.kind)) {
        co_return std::unexpected(wrong_kind(
            input.playbook,
            "steady-state, smoke-stream or smoke-control",
            "oa-stream verify steady-state"
        ));
    }
    std::string title = fmt::format("verification {}", input.playbook.name);
    co_return co_await play(std::move(input), RunMode::live, std::move(title));
}

Task<Result<RunEnd>> drill_target(TargetRunInput input) {
    if (!input.playbook.drill) {
        co_return std::unexpected(
            wrong_kind(input.playbook, "rollback-drill", "oa-stream rollback drill rollback-drill")
        );
    }
    OA_CO_CHECK(check_drill(input));
    co_return co_await play(std::move(input), RunMode::live, "rollback drill");
}

} // namespace oa_stream::playbook
