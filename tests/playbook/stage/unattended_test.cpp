// Pauses that nobody ends.
#include "../world.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;
using run::Action;

TEST_CASE("pause: a good stage goes back when nobody comes, though undecided ones are held") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::hold;
    world.playbook.stage.inconclusive_then = Then::hold;
    world.playbook.stage.pause_after = {25};
    world.playbook.stage.pause_at_most = Millis(20);
    world.person = [](run::Steering&) {};
    const RunOutcome outcome = world.run();
    CHECK_THAT(check_of(outcome, "pause@25%").detail, Contains("no order came"));
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK_FALSE(outcome.held);
    check_rolled_back(world, outcome);
}

TEST_CASE("pause: between two steps nobody comes, and the traffic goes back") {
    World world;
    world.make_cutover();
    world.playbook.stage.inconclusive_then = Then::hold;
    world.playbook.stage.pause_at_most = Millis(20);
    world.playbook.postflight = {
        {"postflight.one", Through::users}, {"postflight.two", Through::users}
    };
    run::Steering* steered = nullptr;
    world.person = [&](run::Steering& steering) { steered = &steering; };
    world.instruments.on_smoke = [&](const std::string& id) {
        if (id == "postflight.one") {
            REQUIRE(steered != nullptr);
            REQUIRE(steered->give({Action::pause, "alice", {}}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    CHECK_THAT(check_of(outcome, "pause.postflight.two").detail, Contains("no order came"));
    CHECK_FALSE(outcome.held);
    check_rolled_back(world, outcome);
}
