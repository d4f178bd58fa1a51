// Whether the unpinned probes of a stage show the split.
#include "../world.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

/// A cutover whose stages alice promotes, each as soon as it is under way.
void promote_all(testing::World& world, std::vector<int> stages) {
    world.make_cutover();
    world.playbook.stages = std::move(stages);
    world.playbook.run_gates.clear();
    world.playbook.stage.bake = Millis(3000);
    world.person = [promoted = std::string()](run::Steering& steering) mutable {
        const std::string& stage = steering.position().stage;
        if (!stage.empty() && stage != promoted &&
            steering.give({run::Action::promote, "alice", {}})) {
            promoted = stage;
        }
    };
}

} // namespace

TEST_CASE("split: without one unpinned probe nobody knows who serves users: no PASS") {
    for (const double asked : {0.2, 0.0}) {
        CAPTURE(asked);
        testing::World world;
        world.playbook.stages = {50};
        world.playbook.stage.gates.clear();
        world.playbook.run_gates.clear();
        world.playbook.stage.probe.unpinned_per_s = asked;
        world.instruments.per_flow = 0; // too short a stage for any
        const RunOutcome outcome = world.run();
        const Check* split = testing::find_check(outcome, "split@50%");
        REQUIRE((split != nullptr) == (asked > 0));
        if (split != nullptr) {
            CHECK(split->verdict == Verdict::inconclusive);
            CHECK_THAT(split->detail, Catch::Matchers::Contains("no unpinned probe ran"));
            CHECK(outcome.verdict == Verdict::inconclusive);
            CHECK(outcome.exit == ExitCode::rolled_back);
            CHECK(world.driver.serving == testing::World::split(0));
        }
    }
}

TEST_CASE("split: an exact splitter may be off by one of a hundred, a random one by chance") {
    const auto verdict = [](bool exact, int met) {
        testing::World world;
        world.driver.exact = exact;
        world.playbook.stages = {50};
        world.playbook.run_gates.clear();
        world.instruments.met_at[50] = met;
        const RunOutcome outcome = world.run();
        return testing::check_of(outcome, "split@50%").verdict;
    };
    CHECK(verdict(true, 51) == Verdict::pass);
    CHECK(verdict(true, 48) == Verdict::fail);
    CHECK(verdict(false, 48) == Verdict::pass);
    CHECK(verdict(false, 33) == Verdict::pass); // 17 off: within 99.99 % of 100 requests
    CHECK(verdict(false, 25) == Verdict::fail);
}

TEST_CASE("split: probes that nobody answered may have been those that the split lacks") {
    const auto verdict = [](bool exact, int unanswered, int met) {
        testing::World world;
        world.driver.exact = exact;
        world.playbook.stages = {50};
        world.playbook.run_gates.clear();
        world.instruments.met_at[50] = met;
        world.instruments.unanswered = unanswered;
        return testing::check_of(world.run(), "split@50%").verdict;
    };
    for (const bool exact : {true, false}) {
        CAPTURE(exact);
        CHECK(verdict(exact, 0, 90) == Verdict::fail);
        CHECK(verdict(exact, 20, 90) == Verdict::fail); // 72 of 80: 50 of 100 cannot be
        CHECK(verdict(exact, 60, 90) == Verdict::inconclusive);
        CHECK(verdict(exact, 100, 50) == Verdict::inconclusive);
        CHECK(verdict(exact, 20, 50) == Verdict::pass);
        CHECK(verdict(exact, 1, 50) == Verdict::pass);
        CHECK(verdict(exact, 60, 50) == Verdict::inconclusive); // 20 of 40 show no split of 100
    }
}

TEST_CASE("split: an outage of the users' address is no proof of a split, however few it leaves") {
    const auto check = [](int percent, int unanswered, int all) {
        testing::World world;
        world.driver.exact = true;
        world.playbook.stages = {percent};
        world.playbook.stage.gates.clear();
        world.playbook.run_gates.clear();
        world.instruments.per_flow = all;
        world.instruments.met_at[percent] = percent;
        world.instruments.unanswered = unanswered;
        return testing::check_of(world.run(), fmt::format("split@{}%", percent));
    };
    CHECK(check(100, 65, 80).verdict == Verdict::inconclusive);
    CHECK(check(100, 5, 80).verdict == Verdict::inconclusive);
    CHECK(check(100, 4, 80).verdict == Verdict::pass); // one of 20: what gates are for
    CHECK(check(100, 2, 12).verdict == Verdict::pass);
    const Check few = check(50, 58, 60);
    CHECK(few.verdict == Verdict::inconclusive);
    CHECK_THAT(
        few.detail,
        Catch::Matchers::Contains("1 times of 2") && Catch::Matchers::Contains("58 had no answer")
    );
}

TEST_CASE("split: good answers that name no revision are not said to be missing") {
    const auto check = [](int unanswered, int unnamed) {
        testing::World world;
        world.playbook.stages = {50};
        world.playbook.stage.gates.clear();
        world.playbook.run_gates.clear();
        world.instruments.per_flow = 12;
        world.instruments.unanswered = unanswered;
        world.instruments.unnamed = unnamed;
        return testing::check_of(world.run(), "split@50%");
    };
    const Check none = check(0, 12);
    CHECK(none.verdict == Verdict::inconclusive);
    CHECK_THAT(
        none.detail,
        Catch::Matchers::EndsWith("; 12 named no revision (header x-oa-revision), 0 had no answer")
    );
    CHECK_THAT(
        check(7, 5).detail,
        Catch::Matchers::EndsWith("; 5 named no revision (header x-oa-revision), 7 had no answer")
    );
}

TEST_CASE("split: so few unpinned probes that no split could look wrong are no proof of one") {
    const auto check = [](bool exact, int all, int met_percent) {
        testing::World world;
        world.driver.exact = exact;
        world.playbook.stages = {50};
        world.playbook.stage.gates.clear();
        world.playbook.run_gates.clear();
        world.instruments.per_flow = all;
        world.instruments.met_at[50] = met_percent;
        return testing::check_of(world.run(), "split@50%");
    };
    for (const bool exact : {true, false}) {
        CAPTURE(exact);
        const Check two = check(exact, 2, 50);
        CHECK(two.verdict == Verdict::skipped);
        CHECK_THAT(
            two.detail,
            Catch::Matchers::Contains("1 times of 2: too few to show a split other than")
        );
    }
    CHECK(check(true, 3, 100).verdict == Verdict::fail);
    CHECK(check(false, 16, 0).verdict == Verdict::fail);
    CHECK(check(false, 16, 50).verdict == Verdict::pass);
}

TEST_CASE("split: who comes between a stage's begin and its end may shift an exact split") {
    const auto verdict = [](std::uint64_t others, int met) {
        testing::World world;
        world.playbook.stages = {50};
        world.playbook.stage.bake = Millis(50);
        world.playbook.run_gates.clear();
        world.drift_every = Millis(60'000); // no look but those of the begin and the end
        world.instruments.met_at[50] = met;
        world.instruments.on_stage = [&world, others](int) {
            spawn(
                world.instruments.executor,
                "others",
                [](testing::World* world, std::uint64_t others) -> Task<void> {
                    while (world->instruments.flows == 0) {
                        (void)co_await sleep_for(Millis(1));
                    }
                    world->driver.streams["stable"].finished = 100 + others;
                }(&world, others)
            );
        };
        return testing::check_of(world.run(), "split@50%").verdict;
    };
    CHECK(verdict(0, 48) == Verdict::fail);
    CHECK(verdict(1, 48) == Verdict::pass);
    CHECK(verdict(1, 25) == Verdict::fail); // no chance sample of half, either
}

TEST_CASE("split: a promotion does not hide that users do not reach the canary") {
    testing::World world;
    promote_all(world, {50, 100});
    world.instruments.met_at[50] = 0;
    const RunOutcome outcome = world.run();
    CHECK(testing::check_of(outcome, "split@50%").verdict == Verdict::fail);
    testing::check_rolled_back(world, outcome);
}

TEST_CASE("split: what a promotion leaves undecided is for a later stage, and never a PASS") {
    for (const bool last : {false, true}) {
        CAPTURE(last);
        testing::World world;
        promote_all(world, last ? std::vector{50} : std::vector{50, 100});
        world.instruments.on_stage = [&](int percent) {
            world.instruments.unanswered = percent == 50 ? 50 : 0;
        };
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        const Check& split = testing::check_of(outcome, "split@50%");
        CHECK(split.verdict == Verdict::skipped);
        CHECK_THAT(
            split.detail, Catch::Matchers::Contains("promoted by alice; was INCONCLUSIVE: ")
        );
        CHECK(split.required == last);
        CHECK(outcome.exit == (last ? ExitCode::inconclusive : ExitCode::ok));
        CHECK(world.driver.serving == testing::World::split(last ? 50 : 100));
    }
    testing::World alone; // nobody knows whether users came
    promote_all(alone, {50});
    alone.playbook.stage.on_no_traffic = NoTraffic::hold;
    const RunOutcome outcome = alone.run();
    CHECK(testing::check_of(outcome, "users@50%").required);
    CHECK(outcome.exit == ExitCode::inconclusive);
}

TEST_CASE("split: probes that a promotion cuts short may be those that the split lacks") {
    testing::World world;
    promote_all(world, {50, 100});
    world.instruments.met_at[50] = 25;
    world.instruments.on_stage = [&](int percent) {
        world.instruments.given_up = percent == 50 ? 40 : 0;
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK_THAT(
        testing::check_of(outcome, "split@50%").detail,
        Catch::Matchers::Contains("40 were under way")
    );
    CHECK(outcome.exit == ExitCode::ok);
}
