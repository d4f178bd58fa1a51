#include "oa_stream/playbook/local_rehearsal.hpp"

#include "oa_stream/playbook/file.hpp"
#include "oa_stream/run/target_lock.hpp"
#include "oa_stream/traffic/local_driver.hpp"

#include "engine/seal.hpp"
#include "local_stack.hpp"
#include "stage/live.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace oa_stream::playbook {
namespace {

// Recorded turns answer in 0.1 s; what takes this long is broken, and the stage waits for it.
constexpr probe::ProbeLimits k_limits{
    .connect = Millis(2000),
    .first_byte = Millis(5000),
    .stall = Millis(5000),
    .total = Millis(30000),
};

struct Scene {
    RehearsalInput input;
    Playbook playbook;
    run::RunFolder folder;
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<Lab> lab{};
    std::unique_ptr<traffic::TrafficDriver> driver{};
    std::unique_ptr<Instruments> instruments{};
    std::string plan_id{};
};

Task<Result<std::string>> plant_faults(Scene* scene, int percent) {
    const auto& drill = scene->playbook.drill;
    if (drill && drill->fail_at == percent && !drill->fault.empty()) {
        OA_CO_TRY(const Fault fault, parse_fault(fmt::format("{}@{}%", drill->fault, percent)));
        OA_CO_CHECK(co_await scene->lab->plant(fault));
        co_return fault.text();
    }
    std::string planted;
    for (const Fault& fault : scene->input.faults) {
        if (fault.percent == percent) {
            OA_CO_CHECK(co_await scene->lab->plant(fault));
            planted += (planted.empty() ? "" : ", ") + fault.text();
        }
    }
    co_return planted;
}

void make_driver(Scene& scene) {
    const Traffic& traffic = scene.playbook.traffic;
    scene.driver = traffic::make_local_driver(
        *scene.client,
        {.admin_socket = scene.lab->admin_socket(),
         .base_url = scene.lab->front_url(),
         .revisions = {traffic.stable, traffic.canary}}
    );
}

void make_instruments(Scene& scene, const asio::any_io_executor& executor) {
    LiveOptions live;
    live.users.base_url = scene.lab->front_url();
    live.on_check = scene.input.observer.check;
    live.stable = scene.playbook.traffic.stable;
    live.canary = scene.playbook.traffic.canary;
    live.prompt = scene.playbook.target.prompt;
    live.limits = k_limits;
    live.begin_stage = [&scene](int percent) { return plant_faults(&scene, percent); };
    scene.instruments = make_live_instruments(
        executor, *scene.client, scene.driver.get(), scene.folder, std::move(live)
    );
}

/// Everything between "the processes run" and "the processes may end".
Task<Result<RunOutcome>> rehearse_in(Scene* scene) {
    OA_CO_TRY(
        const run::TargetLock lock,
        run::TargetLock::take(
            scene->input.state_dir, scene->driver->target(), {{"run", scene->folder.id()}}
        )
    );
    OA_CO_TRY(const auto live, co_await scene->driver->read());
    OA_CO_TRY(
        const Plan plan,
        make_plan(
            scene->playbook, std::string(scene->driver->kind()), scene->driver->target(), live
        )
    );
    scene->plan_id = plan.id;
    if (scene->input.observer.say) {
        scene->input.observer.say(fmt::format("plan {}", plan.id.substr(0, 12)));
        for (const std::string& warning : plan.warnings) {
            scene->input.observer.say("  warning: " + warning);
        }
    }
    RunInput run;
    run.plan = &plan;
    run.driver = scene->driver.get();
    run.instruments = scene->instruments.get();
    run.folder = &scene->folder;
    run.stop = scene->input.stop;
    run.observer = scene->input.observer;
    co_return co_await run_plan(std::move(run));
}

Task<RunOutcome> play(Scene* scene) {
    const auto executor = co_await asio::this_coro::executor;
    auto lab = co_await Lab::start(
        {.program = scene->input.program,
         .stable = scene->playbook.traffic.stable,
         .canary = scene->playbook.traffic.canary,
         .replay = scene->input.replay},
        &scene->folder
    );
    if (!lab) {
        co_return not_executed(lab.error());
    }
    scene->lab = *std::move(lab);
    make_driver(*scene);
    make_instruments(*scene, executor);
    auto outcome = co_await rehearse_in(scene);
    co_await scene->lab->stop();
    co_return outcome ? *std::move(outcome) : not_executed(outcome.error());
}

RunPaper paper_of(const Scene& scene) {
    RunPaper out;
    out.title = scene.playbook.drill ? "local rollback drill" : "local cutover rehearsal";
    out.plan = scene.plan_id;
    out.facts = {
        {"target", "two lanes on recorded turns behind a local front door, all on this machine"},
        {"plan", scene.plan_id.empty() ? "none" : scene.plan_id},
        {"version", scene.input.version},
    };
    for (const Fault& fault : scene.input.faults) {
        out.faults.push_back(fault.text());
    }
    return out;
}

Playbook built_in(std::string_view name, const LocalRehearsalOptions& options) {
    const auto shipped = shipped_playbooks();
    const auto found = std::ranges::find(shipped, name, &ShippedPlaybook::name);
    auto out = read_playbook(found == shipped.end() ? "" : found->text, name, {});
    if (!out) {
        throw std::logic_error("the built-in playbook is broken: " + out.error().text());
    }
    if (options.bake) {
        out->stage.bake = *options.bake;
        out->stage.extend_at_most = *options.bake;
    }
    if (options.rate) {
        out->stage.probe = {.per_arm_per_s = *options.rate, .unpinned_per_s = *options.rate};
    }
    return *std::move(out);
}

Task<Result<Rehearsal>> play_on_this_machine(RehearsalInput input, Playbook playbook) {
    OA_CO_CHECK(validate(playbook));
    OA_CO_CHECK(check_faults(input.faults, playbook.stages));
    const Json target = {{"driver", "local"}, {"what", "two lanes and a front door on loopback"}};
    OA_CO_TRY(
        auto folder,
        run::RunFolder::create(
            input.state_dir,
            {.kind = run::run_kind(to_string(playbook.kind)),
             .name = playbook.name,
             .target = target,
             .versions = {{"oa_stream", input.version}},
             .argv = input.argv,
             .mutates = false}, // its lanes end with it
            Redactor{}
        )
    );
    auto client = net::HttpClient::make(co_await asio::this_coro::executor);
    Scene scene{std::move(input), std::move(playbook), std::move(folder), std::move(client)};
    RunOutcome outcome = co_await play(&scene);
    co_return seal(scene.folder, std::move(outcome), paper_of(scene));
}

} // namespace

Playbook local_rehearsal(const LocalRehearsalOptions& options) {
    return built_in("local-rehearsal", options);
}

Playbook local_drill(const LocalRehearsalOptions& options) {
    Playbook out = built_in("local-drill", options);
    if (auto& drill = out.drill; drill && options.fault) {
        drill->fault = *options.fault;
    }
    return out;
}

Task<Result<Rehearsal>> rehearse_local(RehearsalInput input) {
    Playbook playbook = local_rehearsal(input.options);
    co_return co_await play_on_this_machine(std::move(input), std::move(playbook));
}

Task<Result<Rehearsal>> drill_local(RehearsalInput input) {
    Playbook playbook = local_drill(input.options);
    co_return co_await play_on_this_machine(std::move(input), std::move(playbook));
}

} // namespace oa_stream::playbook
