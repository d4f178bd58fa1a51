// How a stage judges users' own probes, and what becomes of a stage whose answers were bad.
#include "oa_stream/playbook/file.hpp"

#include "../world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using Catch::Matchers::Contains;

namespace {

const measure::GateSpec k_more_than_stable{
    .id = "more", .against = measure::Against::stable, .limit = 0.05
};

/// A run that ends with its stages.
void has_stages(testing::World& world, std::vector<int> stages) {
    world.playbook.stages = std::move(stages);
    world.playbook.run_gates.clear();
}

} // namespace

TEST_CASE("answers: the shipped cutovers' room for refused users is none for answers that are cut"
) {
    for (const ShippedPlaybook& shipped : shipped_playbooks()) {
        if (!shipped.name.starts_with("cutover")) {
            continue;
        }
        CAPTURE(shipped.name);
        const Loaded loaded =
            load_playbook(shipped.text, shipped.name, {{"bake", "1m"}}, Unset::keep);
        REQUIRE(loaded.playbook);
        testing::World world;
        has_stages(world, {50});
        world.playbook.stage.gates = loaded.playbook->stage.gates;
        world.instruments.per_flow = 600;
        world.instruments.bad_users["canary"] = 33;
        const RunOutcome outcome = world.run();
        const Check& answers = testing::check_of(outcome, "answers@50%");
        CHECK(answers.verdict == Verdict::fail);
        CHECK_THAT(answers.detail, Contains("33 of 300") && Contains("limit of 1%"));
    }
}

TEST_CASE("answers: only gates on errors of any kind set the limit") {
    struct Row {
        std::string_view events;
        Verdict verdict;
    };
    for (const Row& row : {
             Row{"", Verdict::pass},
             Row{"terminal_error", Verdict::pass},
             Row{"compat_rejected | empty", Verdict::pass},
             Row{"compat_rejected", Verdict::fail},
             Row{"client_gone", Verdict::fail},
             Row{"turn_interrupted", Verdict::fail},
             Row{"unauthorised", Verdict::fail},
         }) {
        CAPTURE(row.events);
        testing::World world;
        has_stages(world, {50});
        world.playbook.stage.gates = {
            {.id = "wide", .limit = 0.5, .events = std::string(row.events)}
        };
        world.instruments.bad_users["canary"] = 15;
        CHECK(testing::check_of(world.run(), "answers@50%").verdict == row.verdict);
    }
}

TEST_CASE("answers: where the stage has no gate on errors, the run's limit counts") {
    testing::World world;
    world.playbook.stages = {50};
    world.playbook.stage.gates = {world.playbook.stage.gates.at(1)};
    world.playbook.run_gates = {{.id = "error-rate", .limit = 0.05}};
    world.instruments.bad_users["canary"] = 3; // of 50: far beyond 1 %
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
}

TEST_CASE("answers: two answers of stable are no measure for half of the canary's") {
    testing::World world;
    has_stages(world, {90});
    world.playbook.stage.extend_at_most = Millis(0);
    world.playbook.stage.gates = {k_more_than_stable};
    world.playbook.stage.gates.front().limit = 0.2;
    world.instruments.per_flow = 20;
    world.instruments.bad_users["canary"] = 9;
    const RunOutcome outcome = world.run();
    CHECK(testing::check_of(outcome, "gate.more@90%").verdict == Verdict::pass);
    const Check& answers = testing::check_of(outcome, "answers@90%");
    CHECK(answers.verdict == Verdict::inconclusive);
    CHECK_THAT(answers.detail, Contains("9 of 18") && Contains("0 of 2"));
}

TEST_CASE("answers: an edge that spoils everybody's is as bad at 100 % as it was before") {
    testing::World world;
    has_stages(world, {50, 100});
    world.playbook.stage.gates = {k_more_than_stable};
    world.instruments.bad_users = {{"canary", 10}, {"stable", 10}};
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::pass);
    const Check& last = testing::check_of(outcome, "answers@100%");
    CHECK(last.verdict == Verdict::pass);
    CHECK_THAT(last.detail, Contains("10 of 100") && Contains("versus stable, 10 of 50"));
    CHECK(outcome.exit == ExitCode::ok);
}

TEST_CASE("answers: what a standstill of oa-stream hides at the canary alone is not passed") {
    testing::World world;
    has_stages(world, {50});
    world.instruments.starved_users = 20;
    const Check answers = testing::check_of(world.run(), "answers@50%");
    CHECK(answers.verdict == Verdict::inconclusive);
    CHECK_THAT(
        answers.detail,
        Contains("oa-stream itself was starved") && Contains("of the canary and 0 of") &&
            !Contains("first bad one")
    );
}
