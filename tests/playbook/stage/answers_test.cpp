// How a stage judges users' own probes, and what becomes of a stage whose answers were bad.
#include "oa_stream/playbook/file.hpp"

#include "../world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using Catch::Matchers::Contains;
using run::Action;

namespace {

const measure::GateSpec k_more_than_stable{
    .id = "more", .against = measure::Against::stable, .limit = 0.05
};

/// A run that ends with its stages.
void has_stages(testing::World& world, std::vector<int> stages) {
    world.playbook.stages = std::move(stages);
    world.playbook.run_gates.clear();
}

/// A cutover, which stays where its last stage leads.
void stays_there(testing::World& world, std::vector<int> stages) {
    has_stages(world, std::move(stages));
    world.make_cutover();
}

/// Gives the order at the first pause; says why that was.
std::function<void(run::Steering&)> at_pause(std::string& why, Action order) {
    return [&why, order](run::Steering& steering) {
        if (steering.position().paused && why.empty()) {
            why = steering.position().why;
            REQUIRE(steering.give({order, "alice", {}}).has_value());
        }
    };
}

/// Promotes the stage once it is under way.
std::function<void(run::Steering&)> promoting(std::string stage) {
    return [stage = std::move(stage), done = false](run::Steering& steering) mutable {
        if (!done && steering.position().stage == stage) {
            done = steering.give({Action::promote, "alice", {}}).has_value();
        }
    };
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
             Row{"rejected", Verdict::fail},
             Row{"truncated | stalled", Verdict::fail},
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

TEST_CASE("answers: where no gate on errors decides, those that everybody has are not the canary's"
) {
    testing::World world;
    has_stages(world, {50, 100});
    world.playbook.stage.gates = {
        world.playbook.stage.gates.at(1),
        {.id = "seen", .limit = 0.01, .mode = measure::GateMode::observe}
    };
    world.instruments.per_flow = 200;
    world.instruments.bad_users["canary"] = 40;
    SECTION("stable has as many") {
        world.instruments.bad_users["stable"] = 40;
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::pass);
        CHECK(testing::check_of(outcome, "answers@100%").verdict == Verdict::pass);
        CHECK(outcome.exit == ExitCode::ok);
    }
    SECTION("stable has none") {
        const Check answers = testing::check_of(world.run(), "answers@50%");
        CHECK(answers.verdict == Verdict::fail);
        CHECK_THAT(answers.detail, Contains("40 of 100"));
    }
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

TEST_CASE("answers: a canary shown bad does not stay for another window, whatever else is open") {
    testing::World world;
    has_stages(world, {50});
    world.playbook.stage.gates = {{.id = "error-rate", .limit = 0.01}};
    world.instruments.bad_users["canary"] = 40;
    const RunOutcome outcome = world.run();
    CHECK(testing::check_of(outcome, "gate.error-rate@50%").verdict == Verdict::inconclusive);
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::fail);
    CHECK(world.instruments.flows == 1);
    CHECK(outcome.exit == ExitCode::rolled_back);
}

TEST_CASE("answers: hold waits for a person, who cannot promote what was shown bad") {
    testing::World world;
    stays_there(world, {50});
    world.playbook.on_failure = Then::hold;
    world.instruments.bad_users["canary"] = 30;
    std::string why;
    bool promoted = false;
    world.person = [&, abort = at_pause(why, Action::abort)](run::Steering& steering) {
        if (steering.position().paused && why.empty()) {
            promoted = steering.give({Action::promote, "alice", {}}).has_value();
        }
        abort(steering);
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK_THAT(why, Contains("FAIL answers: at the users' address"));
    CHECK_FALSE(promoted);
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::fail);
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == testing::World::split(0));
}

TEST_CASE("answers: open gates do not hold a canary that was shown bad") {
    testing::World world;
    stays_there(world, {50});
    world.playbook.stage.inconclusive_then = Then::hold;
    world.playbook.stage.gates = {{.id = "error-rate", .limit = 0.01}};
    world.instruments.bad_users["canary"] = 40;
    std::string why;
    world.person = at_pause(why, Action::promote);
    const RunOutcome outcome = world.run();
    CHECK(why.empty());
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
}

TEST_CASE("answers: where they are not decided, hold waits and names them; continue measures again"
) {
    testing::World world;
    stays_there(world, {50});
    world.playbook.stage.inconclusive_then = Then::hold;
    world.instruments.bad_users["canary"] = 5;
    std::string why;
    world.person = [&, go_on = at_pause(why, Action::go_on)](run::Steering& steering) {
        if (steering.position().paused) {
            world.instruments.bad_users.clear();
            world.instruments.per_flow = 1000;
        }
        go_on(steering);
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK_THAT(why, Contains("INCONCLUSIVE answers: at the users' address"));
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
}

TEST_CASE("answers: nobody comes to a stage that was promoted and then failed: it goes no further"
) {
    testing::World world;
    stays_there(world, {25, 50});
    world.playbook.on_failure = Then::hold;
    world.playbook.stage.bake = Millis(3000);
    world.playbook.stage.pause_at_most = Millis(20);
    world.instruments.bad_at[25] = 12; // too little for an interim look
    world.person = promoting("25%");
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(testing::check_of(outcome, "gate.error-rate@25%").verdict == Verdict::fail);
    CHECK(outcome.held);
    CHECK(world.driver.serving == testing::World::split(25));
}

TEST_CASE("answers: a last stage that is promoted while they are not decided is never a PASS") {
    for (const bool last : {false, true}) {
        CAPTURE(last);
        testing::World world;
        stays_there(world, last ? std::vector{50} : std::vector{50, 100});
        world.playbook.stage.bake = Millis(3000);
        world.person = [first = promoting("50%"),
                        second = promoting("100%")](run::Steering& steering) {
            first(steering);
            second(steering);
        };
        world.instruments.on_stage = [&](int percent) {
            world.instruments.bad_users["canary"] = percent == 50 ? 5 : 0;
        };
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        const Check& answers = testing::check_of(outcome, "answers@50%");
        CHECK(answers.verdict == Verdict::skipped);
        CHECK_THAT(answers.detail, Contains("promoted by alice") && Contains("5 of 50"));
        CHECK(answers.required == last);
        CHECK(outcome.exit == (last ? ExitCode::inconclusive : ExitCode::ok));
        CHECK(world.driver.serving == testing::World::split(last ? 50 : 100));
    }
}

TEST_CASE("answers: a promotion that finds the split gone is no reason why they are not decided") {
    testing::World world;
    stays_there(world, {50});
    world.playbook.stage.inconclusive_then = Then::hold;
    world.instruments.bad_users["canary"] = 5;
    std::string why;
    world.person = [&, promote = at_pause(why, Action::promote)](run::Steering& steering) {
        if (steering.position().paused) {
            world.driver.serving = testing::World::split(0); // by somebody else
        }
        promote(steering);
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(testing::check_of(outcome, "traffic@50%").verdict == Verdict::error);
    CHECK(testing::check_of(outcome, "answers@50%").verdict == Verdict::inconclusive);
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

TEST_CASE("answers: doubt about them makes no stage better that could not be measured") {
    testing::World world;
    has_stages(world, {25});
    world.playbook.stage.error_hold_at_most = Millis(0);
    world.playbook.stage.bake = Millis(50);
    world.playbook.sources = {measure::source_settings("prometheus", {.places = {"http://p"}})};
    world.playbook.stage.gates = {{.id = "users", .limit = 0.05, .events = "http_5xx"}};
    testing::FakeSource source([](const measure::Question&) -> Result<measure::SourceReading> {
        return fail(Code::network, "connection refused");
    });
    world.sources["prometheus"] = &source;
    world.instruments.bad_users["canary"] = 3; // of 25
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(testing::check_of(outcome, "answers@25%").verdict == Verdict::inconclusive);
    CHECK(outcome.stages.back().verdict == Verdict::error);
}
