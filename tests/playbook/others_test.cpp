// What others write meanwhile is no success of ours, and what we wrote in part is ours to roll
// back.
#include "world.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

TEST_CASE("others: a step that another machine's write made true is no PASS of this run") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::raced;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::refused);
    CHECK(outcome.verdict == Verdict::error);
    const Check& check = check_of(outcome, "shift@5%");
    CHECK(check.verdict == Verdict::error);
    CHECK(check.detail.find("somebody else changed the traffic") != std::string::npos);
    CHECK(world.driver.serving == World::split(5)); // theirs: left alone
    CHECK(world.driver.applied.empty());
}

TEST_CASE("others: what serves after a conflict is told, also when no time is left for another try"
) {
    for (const Millis limit : {Millis(1), Millis(500)}) {
        CAPTURE(limit.count());
        World world;
        world.playbook.driver_limit = limit;
        world.driver.answers[1] = FakeDriver::Answer::raced;
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == ExitCode::refused);
        CHECK(world.driver.writes_seen == 1);
        CHECK(
            check_of(outcome, "shift@5%").detail ==
            "expected canary 0%, stable 100% to serve, found canary 5%, stable 95% after a refused "
            "write (etag is old): somebody else changed the traffic"
        );
    }
}

TEST_CASE("others: what comes true late of our own unclear write is ours after a conflict, too") {
    World world;
    world.playbook.driver_limit = Millis(300);
    world.driver.answers[1] = FakeDriver::Answer::lost_before;
    world.driver.answers[2] = FakeDriver::Answer::conflict;
    world.prepare = [&](RunInput& input, const asio::any_io_executor&) {
        input.journal = [&, record = input.journal](const Json& line) {
            if (line["phase"] == "intent" && world.driver.writes_seen == 1) {
                world.driver.serving = World::split(5);
                std::this_thread::sleep_for(world.playbook.driver_limit); // no time for a third try
            }
            return record(line);
        };
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(check_of(outcome, "shift@5%").detail == "etag is old");
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("others: at a later step, too, and what this run had set goes back") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::raced;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(check_of(outcome, "shift@25%").verdict == Verdict::error);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("others: a restart just before the first shift is undone, another's write is left alone"
) {
    for (const bool restarts : {true, false}) {
        CAPTURE(restarts);
        World world;
        world.playbook.stages = {0, 25};
        world.driver.process = {"1", {}};
        world.driver.answers[1] = FakeDriver::Answer::conflict;
        world.prepare = [&](RunInput& input, const asio::any_io_executor&) {
            input.journal = [&, record = input.journal](const Json& line) {
                if (line["phase"] == "intent" && world.driver.writes_seen == 0) {
                    world.driver.serving = World::split(30);
                    world.driver.process = {restarts ? "2" : "1", {}};
                }
                return record(line);
            };
        };
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        const Check& check = check_of(outcome, "shift@25%");
        CHECK(check.verdict == Verdict::error);
        CHECK(check.detail.contains("somebody else changed") == !restarts);
        CHECK(check.detail.contains("the machinery was restarted") == restarts);
        CHECK(outcome.exit == (restarts ? ExitCode::rolled_back : ExitCode::refused));
        CHECK(world.driver.serving == World::split(restarts ? 0 : 30));
    }
}

TEST_CASE("others: our own write that came true in part is ours, and goes back") {
    for (const auto answer : {FakeDriver::Answer::in_part, FakeDriver::Answer::yes_in_part}) {
        CAPTURE(static_cast<int>(answer));
        World world;
        world.playbook.driver_limit = Millis(300);
        world.driver.answers[2] = answer;
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(outcome.exit == ExitCode::rolled_back);
        CHECK(world.driver.serving == World::split(0));
        const Check& check = check_of(outcome, "shift@25%");
        CHECK(check.verdict == Verdict::error);
        CHECK(check.detail.find("somebody else") == std::string::npos);
    }
}

TEST_CASE("others: our own write that comes out beyond its target is left alone: maybe ours") {
    World world;
    world.playbook.driver_limit = Millis(300);
    world.driver.after_write = [&] { world.driver.serving = World::split(95); };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(outcome.foreign);
    CHECK(world.driver.writes_seen == 1);
    CHECK(check_of(outcome, "rollback.read-back")
              .detail.ends_with("found canary 95%, stable 5%: the machinery made another split of "
                                "the last write, or somebody else changed the traffic"));
}

TEST_CASE("others: who refuses a write and carries it out all the same is not believed") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::false_no;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(outcome.mutated);
    CHECK(world.driver.serving == World::split(0));
    const Check& check = check_of(outcome, "shift@5%");
    CHECK(
        check.detail.find("not ready; and yet canary 5%, stable 95% serves now") !=
        std::string::npos
    );
    CHECK(outcome.headline.find("no traffic was moved") == std::string::npos);
}

TEST_CASE("others: a split that went away after the last stage is no PASS") {
    const auto during_postflight = [](World& world, std::function<void()> what) {
        world.make_cutover();
        world.instruments.on_smoke = [what = std::move(what)](const std::string& id) {
            if (id == "postflight.users") {
                what();
            }
        };
    };
    World back; // somebody else rolled back
    during_postflight(back, [&] { back.driver.serving = World::split(0); });
    const RunOutcome rolled = back.run();
    INFO(rolled.headline);
    CHECK(rolled.exit == ExitCode::rolled_back);
    CHECK(rolled.verdict == Verdict::error);
    CHECK(
        check_of(rolled, "traffic@end").detail ==
        "canary 100%, stable 0% was set and canary 0%, stable 100% serves: somebody else changed "
        "the traffic"
    );

    World theirs; // or set what this run never did
    during_postflight(theirs, [&] { theirs.driver.serving = World::split(33); });
    const RunOutcome left = theirs.run();
    CHECK(left.exit == ExitCode::rollback_unverified);
    CHECK(theirs.driver.serving == World::split(33));

    World reloaded; // or the machinery forgot it
    reloaded.driver.process = {"1", {}};
    during_postflight(reloaded, [&] {
        reloaded.driver.serving = World::split(7);
        reloaded.driver.process = {"2", {}};
    });
    CHECK(reloaded.run().exit == ExitCode::rolled_back);
    CHECK(reloaded.driver.serving == World::split(0));

    World away; // one read that fails is not a loss
    during_postflight(away, [&] { away.driver.failing_reads = {away.driver.reads + 1}; });
    const RunOutcome fine = away.run();
    INFO(fine.headline);
    CHECK(fine.exit == ExitCode::ok);
    CHECK(away.driver.serving == World::split(100));
}

TEST_CASE("others: a limit is one clock over all retries") {
    World world;
    world.playbook.driver_limit = Millis(400);
    world.playbook.restore_limit = Millis(800);
    for (int i = 1; i < 200; ++i) {
        world.driver.answers[i] = FakeDriver::Answer::conflict;
    }
    const auto began = Clock::now();
    const RunOutcome outcome = world.run();
    CHECK(Clock::now() - began < std::chrono::seconds(20));
    CHECK(outcome.exit == ExitCode::refused);
    CHECK(world.driver.serving == World::split(0));
}
