// What becomes of the canary's users while a required hook is asked about the next stage.
#include "../world.hpp"
#include "hooks/hooks.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;

namespace {

/// Allows the first stage, and does not answer about the second one.
HookSpec hesitant(const std::filesystem::path& marker) {
    HookSpec out;
    out.id = "humans";
    out.run = {
        "/bin/sh", "-c", "test -e \"$0\" && exec sleep 600; echo >> \"$0\"", marker.string()
    };
    out.on = {"before-stage"};
    out.timeout = std::chrono::minutes(10);
    out.required = true;
    return out;
}

/// The run, of which `what` happens once the hook is asked about 100 %.
RunOutcome asked(World& world, const std::function<void()>& what) {
    world.make_cutover();
    world.playbook.stages = {50, 100};
    world.drift_every = Millis(2);
    std::unique_ptr<Hooks> hooks;
    world.prepare = [&](RunInput& input, const asio::any_io_executor& executor) {
        hooks = std::make_unique<Hooks>(
            executor,
            std::vector{hesitant(world.state / "asked")},
            HookFacts{},
            *input.session,
            Outside{}
        );
        input.hooks = hooks.get();
    };
    world.finished = [&] { hooks.reset(); };
    world.person = [&](run::Steering& steering) {
        if (steering.position().step == "hook humans before shift@100%") {
            what();
        }
    };
    return world.run();
}

} // namespace

TEST_CASE("asked: a canary that fails while a required hook is asked is not raised") {
    World world;
    const RunOutcome outcome = asked(world, [&] { world.instruments.bad_at[50] = 100; });
    INFO(outcome.headline);
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
    CHECK(std::ranges::find(world.driver.applied, World::split(100)) == world.driver.applied.end());
    // What the stage itself said stays.
    CHECK(outcome.stages.at(0).verdict == Verdict::pass);
    REQUIRE(find_check(outcome, "hook.humans@shift@100%") == nullptr);
}

TEST_CASE("asked: a split that is lost while a required hook is asked ends the run") {
    World world;
    world.driver.process = {"1", {}};
    const RunOutcome outcome = asked(world, [&] {
        world.driver.serving = World::split(100);
        world.driver.process = {"2", {}};
    });
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK_THAT(check_of(outcome, "traffic@shift@100%").detail, Contains("forgot what was set"));
}

TEST_CASE("asked: a stop while the canary is watched leaves one check of it") {
    World world;
    const RunOutcome outcome = asked(world, [&] {
        if (!world.stop.requested()) {
            world.stop.request(SIGINT);
        }
    });
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(std::ranges::count(outcome.checks, "interrupted", &Check::id) == 1);
}
