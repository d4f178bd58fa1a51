#include "world.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

using Catch::Matchers::Contains;
using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

void make_cutover(World& world) {
    world.make_cutover();
    world.playbook.stages = {0, 50, 100};
    world.playbook.continuity = Continuity::required;
}

} // namespace

TEST_CASE("continuity: one way before anything moves, both ways once the canary has traffic") {
    World world;
    make_cutover(world);
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(
        world.instruments.crossings ==
        std::vector<std::string>{
            "stable → canary at 0%",
            "stable → canary at 0%",
            "stable → canary at 50%",
            "canary → stable at 50%",
            "stable → canary at 100%",
            "canary → stable at 100%",
        }
    );
    CHECK(
        world.instruments.kept ==
        std::vector<std::string>{"canary at 0%", "both at 50%", "both at 100%"}
    );
    CHECK(world.instruments.sampled == std::vector<std::size_t>{80, 80, 80});
    CHECK(find_check(outcome, "rollback.continuity") == nullptr);
}

TEST_CASE("continuity: a conversation that is lost ends the run where that was seen") {
    World world;
    make_cutover(world);
    SECTION("before anything moves") {
        world.instruments.smokes["preflight.continuity"] = Verdict::fail;
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == ExitCode::breach);
        CHECK(world.driver.applied.empty());
    }
    for (const std::string id :
         {"gate.continuity@50%", "gate.continuity@50%.back", "gate.continuity@50%.end"}) {
        DYNAMIC_SECTION(id) {
            world.instruments.smokes[id] = Verdict::fail;
            const RunOutcome outcome = world.run();
            CHECK(outcome.exit == ExitCode::rolled_back);
            CHECK(world.driver.serving == World::split(0));
            CHECK(find_check(outcome, "gate.continuity@100%") == nullptr);
            REQUIRE(find_check(outcome, "rollback.continuity") != nullptr);
            CHECK(find_check(outcome, "rollback.continuity")->verdict == Verdict::pass);
        }
    }
}

TEST_CASE("continuity: what is lost while the last stage bakes ends the run, and the stage failed"
) {
    World world;
    make_cutover(world);
    world.instruments.smokes["gate.continuity@100%.end"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
    REQUIRE(outcome.stages.size() == 3);
    CHECK(outcome.stages.back().verdict == Verdict::fail);
}

TEST_CASE("continuity: a stop while a stage's conversations are read is a stop, no trouble of them"
) {
    World world;
    make_cutover(world);
    world.instruments.on_read = [&] {
        const bool at_50 = world.driver.serving == World::split(50);
        world.instruments.reading = Millis(at_50 ? 15'000 : 0);
        if (at_50) {
            world.stop.request(SIGINT);
        }
    };
    const auto began = Clock::now();
    const RunOutcome outcome = world.run();
    CHECK(Clock::now() - began < std::chrono::seconds(10));
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(check_of(outcome, "gate.continuity@50%.end").verdict == Verdict::skipped);
    CHECK(check_of(outcome, "interrupted").detail == "signal 2 at stage 50%");
    CHECK_THAT(outcome.headline, Contains("interrupted: signal 2 at stage 50%"));
    REQUIRE(outcome.stages.size() == 2);
    CHECK(outcome.stages.back().verdict == Verdict::pass);
}

TEST_CASE("continuity: what a stage cannot read in time is an error") {
    World world;
    make_cutover(world);
    world.instruments.reading = std::chrono::minutes(5);
    world.prepare = [](RunInput& input, const asio::any_io_executor&) {
        input.timing.conversations = Millis(20);
    };
    const RunOutcome outcome = world.run();
    CHECK(check_of(outcome, "gate.continuity@0%.end").verdict == Verdict::error);
    CHECK(find_check(outcome, "interrupted") == nullptr);
    CHECK(outcome.stages.back().verdict == Verdict::error);
}

TEST_CASE("continuity: where stable shows no conversations the way back is not looked at") {
    World world;
    make_cutover(world);
    for (const int percent : {0, 50, 100}) {
        world.instruments.smokes[fmt::format("gate.continuity@{}%", percent)] = Verdict::skipped;
    }
    world.instruments.smokes["gate.continuity@50%.back"] = Verdict::error;
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(world.driver.serving == World::split(100));
    CHECK(find_check(outcome, "gate.continuity@50%.back") == nullptr);
    CHECK(find_check(outcome, "gate.continuity@50%.end") == nullptr);
    CHECK(world.instruments.kept.empty());
    CHECK(world.instruments.sampled == std::vector<std::size_t>{0, 0, 0});
}

TEST_CASE("continuity: a loss that only shows after the rollback is said, the traffic is back") {
    World world;
    make_cutover(world);
    world.instruments.smokes["gate.continuity@50%"] = Verdict::fail;
    world.instruments.smokes["rollback.continuity"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    REQUIRE(find_check(outcome, "rollback.continuity") != nullptr);
    CHECK(find_check(outcome, "rollback.continuity")->verdict == Verdict::fail);
    CHECK_THAT(
        outcome.headline, Contains("rolled back and verified, but conversations are NOT whole")
    );
}

TEST_CASE("continuity: what could not be read after a rollback is no loss, and hides no cause") {
    World world;
    make_cutover(world);
    world.instruments.smokes["gate.continuity@50%"] = Verdict::error;
    SECTION("not read") {
        world.instruments.smokes["rollback.continuity"] = Verdict::error;
        CHECK_THAT(
            world.run().headline,
            Contains("rolled back and verified, but it is unknown whether conversations are whole")
        );
    }
    SECTION("lost") {
        world.instruments.smokes["rollback.continuity"] = Verdict::fail;
        CHECK_THAT(
            world.run().headline,
            Contains("gate.continuity@50%: ") && Contains("but conversations are NOT whole")
        );
    }
}

TEST_CASE("continuity: after a rollback that is not verified conversations are not looked at") {
    World world;
    make_cutover(world);
    world.instruments.bad_at[50] = 100;
    world.instruments.bad_fresh = 100000;
    world.playbook.restore_limit = Millis(300);
    int looks = 0;
    world.instruments.on_read = [&] { looks += world.driver.serving == World::split(0) ? 1 : 0; };
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(looks == 1); // at the end of stage 0 %
    const Check& check = check_of(outcome, "rollback.continuity");
    CHECK(check.verdict == Verdict::skipped);
    CHECK(check.detail == "not looked at: the rollback is not verified");
}

TEST_CASE("continuity: what the target does not delete is named") {
    World world;
    make_cutover(world);
    world.instruments.undeleted = {"oaprobe_1", "oaprobe_2"};
    const RunOutcome outcome = world.run();
    const bool named = std::ranges::any_of(outcome.notes, [](const std::string& note) {
        return note.contains("keeps 2 conversations of this run") &&
               note.contains("oaprobe_2): it does not want to");
    });
    CHECK(named);
}

TEST_CASE("continuity: with new-threads-only nothing is looked at") {
    World world;
    make_cutover(world);
    world.playbook.continuity = Continuity::new_threads_only;
    world.playbook.continuity_reason = "a pilot";
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.instruments.crossings.empty());
}

TEST_CASE("continuity: who leaves while conversations are removed is told that the traffic stays") {
    World world;
    make_cutover(world);
    SECTION("after a PASS") {
        world.instruments.removing = std::chrono::minutes(5);
        world.instruments.on_remove = [&] {
            CHECK_THAT(
                world.stop.settled().text(),
                Contains("the run has ended, ") && Contains("canary 100%") &&
                    Contains(" stays; ") &&
                    Contains("to roll it back: oa-stream rollback apply --run ")
            );
            world.stop.request(SIGINT);
        };
        const auto began = Clock::now();
        const RunOutcome outcome = world.run();
        CHECK(Clock::now() - began < std::chrono::seconds(20));
        CHECK(outcome.exit == ExitCode::ok);
        CHECK(world.driver.serving == World::split(100));
        CHECK(world.instruments.paces == std::vector<Millis>{std::chrono::minutes(1)});
    }
    SECTION("after a rollback") {
        world.instruments.bad_at[50] = 100;
        world.instruments.on_remove = [&] {
            CHECK_THAT(world.stop.settled().text(), Contains("the traffic is back and verified"));
        };
        CHECK(world.run().exit == ExitCode::rolled_back);
    }
    SECTION("a run that was interrupted has little time for it") {
        world.instruments.on_stage = [&](int percent) {
            if (percent == 50) {
                world.stop.request(SIGINT);
            }
        };
        CHECK(world.run().exit == ExitCode::rolled_back);
        CHECK(world.instruments.paces == std::vector<Millis>{std::chrono::seconds(5)});
    }
    SECTION("before anything moved") {
        world.instruments.smokes["preflight.stable"] = Verdict::fail;
        world.instruments.on_remove = [&] {
            CHECK_THAT(world.stop.settled().text(), Contains("no traffic was moved"));
        };
        CHECK(world.run().exit == ExitCode::breach);
    }
}

TEST_CASE("continuity: what is removed slowly is told, with what serves") {
    World world;
    make_cutover(world);
    world.instruments.removing = Millis(200);
    CHECK(world.run().exit == ExitCode::ok);
    const bool told = std::ranges::any_of(world.said, [](const std::string& line) {
        return line.contains("stays; ") && line.contains("removing its conversations");
    });
    CHECK(told);
}

TEST_CASE("continuity: a rollback that somebody orders does not wait for conversations to go") {
    World world;
    make_cutover(world);
    world.instruments.removing = std::chrono::minutes(5);
    std::optional<Result<void>> answer;
    world.person = [&](run::Steering& steering) {
        if (!world.instruments.paces.empty() && !answer) {
            answer = steering.give({.action = run::Action::abort, .who = "bob"});
        }
    };
    const auto began = Clock::now();
    CHECK(world.run().exit == ExitCode::ok);
    CHECK(Clock::now() - began < std::chrono::seconds(20));
    REQUIRE(answer.has_value());
    REQUIRE_FALSE(answer->has_value());
    CHECK(answer->error().message == "the run has ended, and only removes its conversations");
}
