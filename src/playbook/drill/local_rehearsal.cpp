#include "oa_stream/playbook/local_rehearsal.hpp"

#include "oa_stream/playbook/file.hpp"
#include "oa_stream/probe/shared_turns.hpp"
#include "oa_stream/traffic/local_driver.hpp"

#include "engine/playbook_run.hpp"
#include "local_stack.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <memory>
#include <stdexcept>

namespace oa_stream::playbook {
namespace {

// Recorded turns answer in 0.1 s: an answer that takes this long is broken, and the stage waits for
// it.
constexpr probe::ProbeLimits k_limits{
    .connect = Millis(2000),
    .first_byte = Millis(5000),
    .stall = Millis(5000),
    .total = Millis(30000),
};

Task<Result<std::string>>
plant_faults(LocalStack* stack, const Playbook* playbook, std::vector<Fault> faults, int percent) {
    const auto& drill = playbook->drill;
    if (drill && drill->fail_at == percent && !drill->fault.empty()) {
        OA_CO_TRY(const Fault fault, parse_fault(fmt::format("{}@{}%", drill->fault, percent)));
        OA_CO_CHECK(co_await stack->plant(fault));
        co_return fault.text();
    }
    std::string planted;
    for (const Fault& fault : faults) {
        if (fault.percent == percent) {
            OA_CO_CHECK(co_await stack->plant(fault));
            planted += (planted.empty() ? "" : ", ") + fault.text();
        }
    }
    co_return planted;
}

void connect(PlaybookRun& run, LocalStack& stack, std::vector<Fault> faults) {
    const Traffic& traffic = run.playbook().traffic;
    run.outside.users.base_url = stack.front_url();
    run.outside.driver = traffic::make_local_driver(
        *run.outside.client,
        {.admin_socket = stack.admin_socket(),
         .base_url = stack.front_url(),
         .revisions = {traffic.stable, traffic.canary}}
    );
    run.plan.driver = run.outside.driver->kind();
    run.plan.target = run.outside.driver->target();
    run.live.limits = k_limits;
    run.live.begin_stage = [&run, &stack, faults = std::move(faults)](int percent) {
        return plant_faults(&stack, &run.plan.playbook, faults, percent);
    };
}

Playbook built_in(std::string_view name, const LocalRehearsalOptions& options) {
    const ShippedPlaybook* shipped = shipped_playbook(name);
    auto out = read_playbook(shipped == nullptr ? "" : shipped->text, name, {});
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

std::string target_text(const SharedStore& shared) {
    return shared.replicas == 1
               ? "two lanes on recorded turns behind a local front door, all on this machine"
               : fmt::format(
                     "{} lanes each of stable and canary on recorded turns, which share a store, "
                     "behind a local front door that keeps no page with a lane",
                     shared.replicas
                 );
}

/// The gates' probes read each answer only once. Whether lanes share turns only shows when another
/// lane is asked for the turn.
void read_twice(PlaybookRun& run, const LocalStack& stack, const asio::any_io_executor& executor) {
    probe::SharedTurnsOptions options;
    options.prompt = run.playbook().target.prompt;
    options.limits = k_limits;
    for (const std::string& url : stack.lane_urls()) {
        options.lanes.push_back({.base_url = url});
    }
    const auto& lanes = stack.lane_urls(); // stable's lanes come first
    run.live.smoke_at = {
        {Through::stable, lanes.front()},
        {Through::canary, lanes.back()},
        {Through::users, lanes.front()},
    };
    const auto turns =
        std::make_shared<probe::SharedTurns>(*run.outside.client, std::move(options));
    turns->start(executor);
    run.beside = [turns] { return turns->finish("replicas"); };
}

Task<void> clear(SharedStore shared, RunOutcome* outcome) {
    const auto cleared = shared.clear ? co_await shared.clear() : Result<void>{};
    if (!cleared && outcome != nullptr) {
        outcome->notes.push_back(fmt::format(
            "What the lanes left in the store could not be removed: {}", cleared.error().text()
        ));
    }
}

Task<Result<run::RunResult>> play_on_this_machine(RehearsalInput input, Playbook playbook) {
    OA_CO_CHECK(validate(playbook));
    OA_CO_CHECK(check_faults(input.faults, playbook.stages));
    const Json target = {{"driver", "local"}, {"what", "two lanes and a front door on loopback"}};
    Plan plan;
    plan.playbook = std::move(playbook);
    Outside outside;
    outside.client = net::HttpClient::make(co_await asio::this_coro::executor);
    OA_CO_TRY(
        PlaybookRun run,
        begin_run(std::move(input.by), std::move(plan), std::move(outside), RunMode::live, target)
    );
    run.title = run.playbook().drill ? "local rollback drill" : "local cutover rehearsal";
    run.facts = {{"target", target_text(input.shared)}};
    for (const Fault& fault : input.faults) {
        run.faults.push_back(fault.text());
    }
    auto stack = co_await LocalStack::start(
        {.program = input.program,
         .stable = run.playbook().traffic.stable,
         .canary = run.playbook().traffic.canary,
         .replay = input.replay,
         .shared = input.shared},
        &run.session.folder()
    );
    if (!stack) {
        co_return co_await end_run(&run, std::unexpected(stack.error()));
    }
    connect(run, **stack, std::move(input.faults));
    if (input.shared.replicas > 1) {
        read_twice(run, **stack, co_await asio::this_coro::executor);
    }
    auto ended = co_await carry_out_run(&run, plan_from_live);
    co_await (*stack)->stop();
    co_await clear(input.shared, ended ? &*ended : nullptr);
    co_return co_await end_run(&run, std::move(ended));
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

Task<Result<run::RunResult>> rehearse_local(RehearsalInput input) {
    Playbook playbook = local_rehearsal(input.options);
    co_return co_await play_on_this_machine(std::move(input), std::move(playbook));
}

Task<Result<run::RunResult>> drill_local(RehearsalInput input) {
    Playbook playbook = local_drill(input.options);
    co_return co_await play_on_this_machine(std::move(input), std::move(playbook));
}

} // namespace oa_stream::playbook
