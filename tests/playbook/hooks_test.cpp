// A stage waits for the hooks that must allow it, and a stop meanwhile is no permission.
#include "hooks/hooks.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

/// Asked before each stage, and never answers; `marker` exists once it was asked.
HookSpec silent_hook(const std::filesystem::path& marker) {
    HookSpec out;
    out.id = "humans";
    out.run = {"/bin/sh", "-c", "echo >> \"$0\"; exec sleep 600", marker.string()};
    out.on = {"before-stage"};
    out.timeout = std::chrono::minutes(10);
    out.required = true;
    return out;
}

} // namespace

TEST_CASE("hooks: a stop while a required hook is asked moves no traffic") {
    World world;
    world.playbook.kind = Kind::cutover;
    world.playbook.afterwards = Afterwards::stay;
    world.playbook.target.base_url = "http://127.0.0.1:1";
    world.playbook.stages = {50, 100};
    const auto marker = world.state / "asked";
    std::unique_ptr<Hooks> hooks;
    world.prepare = [&](RunInput& input, const asio::any_io_executor& executor) {
        hooks = std::make_unique<Hooks>(
            executor, std::vector{silent_hook(marker)}, HookFacts{}, *input.session, Outside{}
        );
        input.hooks = hooks.get();
    };
    world.finished = [&] { hooks.reset(); };
    world.person = [&](run::Steering&) {
        if (std::filesystem::exists(marker) && !world.stop.requested()) {
            world.stop.request(SIGINT);
        }
    };
    const RunOutcome outcome = world.run();
    REQUIRE(std::filesystem::exists(marker));
    CHECK(world.driver.writes_seen == 0);
    CHECK(world.driver.applied.empty());
    CHECK_FALSE(outcome.mutated);
    CHECK(static_cast<int>(outcome.exit) == 130);
    CHECK(std::ranges::find(outcome.checks, "interrupted", &Check::id) != outcome.checks.end());
}
