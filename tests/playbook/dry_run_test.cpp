// Dry runs, verifications, and values that somebody states.
#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;

namespace {

World& dry(World& world) {
    world.mode = RunMode::rehearse;
    return world;
}

struct Stated final : measure::SourceSettings {
    explicit Stated(bool enough_to_apply) : numbers{.enough_to_apply = enough_to_apply} {}
    [[nodiscard]] const measure::SourceKind& kind() const noexcept override {
        return *measure::source_kind("asserted");
    }
    [[nodiscard]] Json to_json() const override { return Json::object(); }
    [[nodiscard]] const measure::StatedNumbers* stated() const noexcept override {
        return &numbers;
    }
    measure::StatedNumbers numbers;
};

void with_budget(World& world, bool enough_to_apply) {
    world.playbook.slo = {{.name = "stream-good", .objective = 0.999}};
    world.playbook.budget = BudgetSpec{0.05};
    world.playbook.sources = {std::make_shared<Stated>(enough_to_apply)};
}

} // namespace

TEST_CASE("dry run: everything is judged live, mutations are previewed, nothing is written") {
    World world;
    const RunOutcome outcome = dry(world).run();
    INFO(outcome.headline);
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.writes_seen == 0);
    CHECK_FALSE(outcome.mutated);
    CHECK_FALSE(world.stop.mutated());
    for (const char* id : {"shift@5%", "shift@25%", "shift@50%", "shift@100%", "restore"}) {
        CHECK(check_of(outcome, id).mode == CheckMode::rehearsed);
    }
    CHECK(check_of(outcome, "preflight.canary.happy").mode == CheckMode::live);
    CHECK(check_of(outcome, "gate.error-rate@0%").mode == CheckMode::live);
    // Nothing moved, so there is nothing new to judge.
    CHECK(check_of(outcome, "gate.error-rate@25%").verdict == Verdict::skipped);
    CHECK(world.instruments.flows == 1);
    // It needs the samples of all stages.
    CHECK(check_of(outcome, "gate.error-rate@run").verdict == Verdict::skipped);
    CHECK_THAT(outcome.headline, Contains("rehearsed") && Contains("nothing was changed"));
    // The rollback was tried before each shift.
    CHECK(std::ranges::count(world.driver.previews, World::split(0)) >= 5);
}

TEST_CASE("dry run: rehearsed and skipped steps are no live pass") {
    World world;
    world.playbook.preflight.clear();
    world.playbook.postflight.clear();
    world.playbook.run_gates.clear();
    world.probes = false;
    const RunOutcome outcome = dry(world).run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.exit == ExitCode::inconclusive);
    CHECK(world.instruments.flows == 0);
}

TEST_CASE("dry run: a failing gate or smoke is exit 1") {
    World gate;
    gate.instruments.bad_at[0] = 60;
    CHECK(dry(gate).run().exit == ExitCode::breach);
    World smoke;
    smoke.instruments.smokes["preflight.canary"] = Verdict::fail;
    CHECK(dry(smoke).run().exit == ExitCode::breach);
}

TEST_CASE("dry run: a shift that the machinery would refuse is exit 6 and says why") {
    World world;
    world.driver.preview_error = Error{Code::precondition, "canary is not ready"};
    const RunOutcome outcome = dry(world).run();
    CHECK(outcome.exit == ExitCode::refused);
    CHECK_THAT(outcome.headline, Contains("canary is not ready"));
    CHECK(world.driver.writes_seen == 0);

    World denied;
    denied.driver.preview_error = Error{Code::credentials, "the token was refused"};
    CHECK(dry(denied).run().exit == ExitCode::credentials);
}

TEST_CASE("dry run: traffic that changes meanwhile is exit 6") {
    World world;
    world.playbook.stages = {5, 100};
    world.driver.wanted = World::split(30);
    const RunOutcome outcome = dry(world).run();
    CHECK(outcome.exit == ExitCode::refused);
    CHECK_THAT(outcome.headline, Contains("somebody else requested"));
}

TEST_CASE("dry run: the split is that of today, not the planned one") {
    World world;
    world.driver.serving = World::split(5);
    world.playbook.stages = {5, 50, 100};
    const RunOutcome outcome = dry(world).run();
    CHECK(outcome.verdict == Verdict::pass);
    CHECK_THAT(check_of(outcome, "split@5%").detail, Contains("5 times of 100"));
}

TEST_CASE("verify: a playbook that only checks runs on the same engine, without traffic") {
    World world;
    world.playbook.kind = Kind::steady_state;
    world.playbook.target.base_url = "http://127.0.0.1:1";
    world.playbook.stages.clear();
    world.playbook.stage = {};
    world.playbook.run_gates.clear();
    world.playbook.preflight = {{"check.users", Through::users}};
    world.playbook.postflight.clear();
    world.playbook.afterwards = Afterwards::stay;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.calls == 0);
    CHECK(world.journal_text().empty());

    World failing;
    failing.playbook = world.playbook;
    failing.instruments.smokes["check.users"] = Verdict::fail;
    const RunOutcome broken = failing.run();
    CHECK(broken.exit == ExitCode::breach);
    CHECK_THAT(broken.headline, !Contains("traffic"));

    World skipped; // a required check that was left out
    skipped.playbook = world.playbook;
    skipped.playbook.preflight.push_back({"check.control", Through::users});
    skipped.instruments.smokes["check.control"] = Verdict::skipped;
    CHECK(skipped.run().exit == ExitCode::inconclusive);

    World cut; // by a signal, behind checks that passed
    cut.playbook = world.playbook;
    cut.instruments.on_smoke = [&](const std::string&) { cut.stop.request(SIGTERM); };
    const RunOutcome stopped = cut.run();
    CHECK(stopped.exit == ExitCode::terminated);
    CHECK(stopped.headline == "interrupted: signal 15 in the last step.");
}

TEST_CASE("verify: every check is done, also after one that failed") {
    World world;
    world.playbook.kind = Kind::steady_state;
    world.playbook.target.base_url = "http://127.0.0.1:1";
    world.playbook.stages.clear();
    world.playbook.run_gates.clear();
    world.playbook.preflight = {{"check.users", Through::users}, {"check.control", Through::users}};
    world.playbook.postflight.clear();
    world.playbook.afterwards = Afterwards::stay;
    world.instruments.smokes["check.users"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::breach);
    CHECK(check_of(outcome, "check.control.happy").verdict == Verdict::pass);
}

TEST_CASE("fault 31: an error budget nobody measured is unknown, and unknown blocks") {
    World world;
    with_budget(world, true);
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(world.driver.writes_seen == 0);
    CHECK_THAT(check_of(outcome, "budget.stream-good").detail, Contains("unknown is not small"));
}

TEST_CASE("budget: a stated value is shown as stated, and enough only where the playbook says so") {
    World enough;
    with_budget(enough, true);
    enough.asserted = Asserted{0.03, "read from the dashboard"};
    const RunOutcome passed = enough.run();
    CHECK(passed.exit == ExitCode::ok);
    const Check& check = check_of(passed, "budget.stream-good");
    CHECK(check.mode == CheckMode::asserted);
    CHECK_THAT(
        check.detail, Contains("stated, not measured") && Contains("read from the dashboard")
    );

    World not_enough;
    with_budget(not_enough, false);
    not_enough.asserted = Asserted{0.03, "x"};
    const RunOutcome refused = not_enough.run();
    CHECK(refused.verdict == Verdict::inconclusive);
    CHECK(not_enough.driver.writes_seen == 0);
    CHECK_THAT(refused.headline, Contains("enough_to_apply"));

    World rehearsed; // where nothing is moved it may be used
    with_budget(rehearsed, false);
    rehearsed.asserted = Asserted{0.03, "x"};
    CHECK(dry(rehearsed).run().exit == ExitCode::ok);

    World gone;
    with_budget(gone, true);
    gone.asserted = Asserted{0.07, "x"};
    const RunOutcome failed = gone.run();
    CHECK(failed.exit == ExitCode::breach);
    CHECK(gone.driver.writes_seen == 0);
}

TEST_CASE("fault 4: a stated budget is read strictly before anything is done") {
    for (const char* text : {"abc", "", "3", "%", "-1%", "1e1%", "0x3%", "nan%", "101%", "3 %"}) {
        CAPTURE(text);
        const auto read = parse_asserted(text, "because");
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().code == Code::usage);
    }
    CHECK(parse_asserted("3.5%", "because")->budget_consumed == Approx(0.035));
    CHECK(parse_asserted("0%", "because")->budget_consumed == 0);
    CHECK_FALSE(parse_asserted("3%", "").has_value());
    CHECK_FALSE(parse_asserted("3%", " \n").has_value());
}
