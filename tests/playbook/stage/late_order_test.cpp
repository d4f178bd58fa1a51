// Orders that come while a stage is busy with something else.
#include "../world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using Catch::Matchers::Contains;
using run::Action;

TEST_CASE("pause: an order in its last moment counts") {
    // The run looks for orders once in 200 ms, and the time is over meanwhile.
    const auto between_two_looks = [](testing::World& world) {
        world.make_cutover();
        world.prepare = [](RunInput& input, const asio::any_io_executor&) {
            input.timing.tick = Millis(200);
        };
        world.playbook.stage.pause_at_most = Millis(100);
        world.person = [given = false](run::Steering& steering) mutable {
            if (steering.position().paused && !given) {
                given = steering.give({Action::go_on, "alice", {}}).has_value();
            }
        };
    };
    testing::World good;
    between_two_looks(good);
    good.playbook.stage.pause_after = {25};
    const RunOutcome passed = good.run();
    INFO(passed.headline);
    CHECK(passed.exit == ExitCode::ok);
    CHECK(good.driver.serving == testing::World::split(100));
    CHECK_THAT(passed.notes.at(0), Contains("; continued by alice"));

    testing::World trouble;
    between_two_looks(trouble);
    trouble.playbook.stage.inconclusive_then = Then::hold;
    trouble.instruments.bad_at[25] = 6;
    trouble.instruments.on_stage = [&](int percent) {
        trouble.instruments.per_flow = percent == 25 ? 100 : 1000;
    };
    const RunOutcome measured = trouble.run();
    INFO(measured.headline);
    REQUIRE_FALSE(measured.notes.empty());
    CHECK_THAT(measured.notes.at(0), Contains("; continued by alice"));
}

TEST_CASE("pause: a promotion counts while the answer of a source is waited for") {
    testing::World world;
    world.make_cutover();
    world.playbook.stages = {25};
    world.playbook.run_gates.clear();
    world.playbook.sources = {measure::source_settings("prometheus", {.places = {"http://p"}})};
    world.playbook.stage.gates = {{.id = "users", .limit = 0.5, .events = "http_5xx"}};
    world.playbook.stage.extend_at_most = Millis(0);
    world.source_every = Millis(30); // the stage is over before
    run::Steering* steered = nullptr;
    world.person = [&](run::Steering& steering) { steered = &steering; };
    testing::FakeSource source([&](const measure::Question&) -> Result<measure::SourceReading> {
        if (world.driver.serving == testing::World::split(25) && steered->orders().empty()) {
            REQUIRE(steered->give({Action::promote, "alice", "it is down"}).has_value());
        }
        return fail(Code::network, "connection refused");
    });
    world.sources["prometheus"] = &source;
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK_THAT(
        testing::check_of(outcome, "gate.users@25%").detail,
        Contains("promoted by alice: it is down; was ERROR: ")
    );
    CHECK(outcome.exit == ExitCode::inconclusive); // nothing judged the last stage
    CHECK(world.driver.serving == testing::World::split(25));
}
