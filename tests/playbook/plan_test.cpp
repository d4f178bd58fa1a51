#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/playbook/plan.hpp"

#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::playbook;
using testing::World;

namespace {

traffic::TrafficState at(int canary) {
    traffic::TrafficState state;
    state.wanted = state.serving = World::split(canary);
    state.etag = "1";
    return state;
}

Result<Plan> plan_for(const Playbook& playbook, const traffic::TrafficState& live = at(0)) {
    return make_plan(playbook, "fake", "fake:one", live);
}

Playbook base() {
    return local_rehearsal({});
}

} // namespace

TEST_CASE("plan: its id is the digest of what will be done, whatever the etag and the hour") {
    const auto a = plan_for(base());
    auto live = at(0);
    live.etag = "another";
    const auto b = plan_for(base(), live);
    REQUIRE(a.has_value());
    CHECK(a->id == b->id);
    CHECK(a->id == "5f8474457d472550836ea8b16ccb06a2367361623c3eadd4207e40b1e36c833a");
    Playbook other = base();
    other.stage.gates[0].limit = 0.04;
    CHECK(plan_for(other)->id != a->id);
    other = base();
    other.stages = {0, 5, 100};
    CHECK(plan_for(other)->id != a->id);
    CHECK(make_plan(base(), "fake", "fake:two", at(0))->id != a->id);
}

TEST_CASE("plan: every mutation says before, after and its undo") {
    const auto plan = plan_for(base());
    REQUIRE(plan.has_value());
    std::vector<std::string> mutations;
    for (const Step& step : plan->steps) {
        if (step.mutates()) {
            mutations.push_back(step.before->text() + " → " + step.after->text());
            CHECK((step.kind == StepKind::restore || step.undo == "write canary 0%, stable 100%"));
            CHECK_FALSE(step.evidence.empty());
        }
    }
    CHECK(
        mutations ==
        std::vector<std::string>{
            "canary 0%, stable 100% → canary 5%, stable 95%",
            "canary 5%, stable 95% → canary 25%, stable 75%",
            "canary 25%, stable 75% → canary 50%, stable 50%",
            "canary 50%, stable 50% → canary 100%, stable 0%",
            "canary 100%, stable 0% → canary 0%, stable 100%",
        }
    );
}

TEST_CASE("plan: the local rehearsal's gates can decide within a bake; a thin one is warned of") {
    CHECK(plan_for(base())->warnings.empty());
    const auto thin = plan_for(local_rehearsal({.bake = Millis(500), .rate = 10}));
    REQUIRE(thin.has_value());
    CHECK(thin->warnings.size() == 4);
    CHECK(thin->warnings[0].find("needs 72 samples") != std::string::npos);
}

TEST_CASE("plan: a playbook in which no gate decides is planned and warned of") {
    Playbook playbook = base();
    playbook.run_gates.clear();
    for (measure::GateSpec& gate : playbook.stage.gates) {
        gate.mode = measure::GateMode::observe;
    }
    // What was tried at planning takes reckoned warnings away, never this one.
    for (const Json& trials : {Json::array(), Json::array({{{"id", "error-rate"}}})}) {
        const auto plan =
            make_plan(playbook, "fake", "fake:one", at(0), PlanSource{}, {.trials = trials});
        REQUIRE(plan.has_value());
        REQUIRE_FALSE(plan->warnings.empty());
        CHECK(plan->warnings.back().starts_with("no gate decides, they only observe: "));
    }
    playbook.stage.gates.clear();
    CHECK(plan_for(playbook)->warnings.back().starts_with("no gate decides: whatever canary does"));
    playbook.stage.gates = base().stage.gates;
    CHECK(plan_for(playbook)->warnings.empty());
}

TEST_CASE("plan: traffic that is not as it should be is refused") {
    auto unsettled = at(0);
    unsettled.settled = false;
    CHECK(plan_for(base(), unsettled).error().code == Code::precondition);
    auto differing = at(0);
    differing.wanted = World::split(10);
    CHECK(plan_for(base(), differing).error().code == Code::precondition);
    CHECK(plan_for(base(), at(5)).error().code == Code::precondition);
    CHECK(plan_for(base(), at(5)).error().hint.text().contains("oa-stream rollback plan"));
    traffic::TrafficState foreign;
    foreign.wanted = foreign.serving = *traffic::Split::of({{"old", 100}});
    CHECK(plan_for(base(), foreign).error().code == Code::precondition);
    traffic::TrafficState none; // weights of 90 and 40
    none.extra["no_split"] = "stable 90, canary 40";
    const auto refused = make_plan(base(), "haproxy", "haproxy:/run/haproxy.sock lane", none);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "no stage can begin from this: stable 90, canary 40");
    CHECK(traffic::serves_text(none) == "what serves is not a split: stable 90, canary 40");
    CHECK(traffic::serves_text(at(5)) == "canary 5%, stable 95% serves");
    CHECK(
        refused.error().hint == "oa-stream rollback plan rollback-haproxy --set … --out back.json "
                                "restores stable, whatever serves"
    );
}

TEST_CASE("plan: a rollback takes a request back that does not serve yet") {
    Playbook playbook = base();
    playbook.kind = Kind::rollback;
    playbook.target.base_url = "http://127.0.0.1:1";
    playbook.traffic.settings = nullptr; // they name no machinery: a rehearsal starts its own
    playbook.stages.clear();
    playbook.stage = {};
    playbook.run_gates.clear();
    playbook.afterwards = Afterwards::stay;
    const auto titles = [&](const traffic::TrafficState& live) {
        const auto plan = plan_for(playbook, live);
        REQUIRE(plan.has_value());
        const auto step = std::ranges::find(plan->steps, "rollback", &Step::id);
        REQUIRE(step != plan->steps.end());
        CHECK(plan->changes() == step->mutates());
        CHECK(step->after == World::split(0));
        return step->title;
    };
    CHECK(titles(at(0)) == "nothing to change: canary 0%, stable 100%");
    CHECK(titles(at(5)) == "canary 5%, stable 95% → canary 0%, stable 100%");
    auto asked = at(0);
    asked.wanted = World::split(25);
    CHECK(titles(asked) == "requested canary 25%, stable 75% → canary 0%, stable 100%");
    CHECK(plan_for(playbook, asked)->id != plan_for(playbook, at(0))->id);
    asked.serving = World::split(5); // a change that failed half way
    CHECK(titles(asked) == "canary 5%, stable 95% → canary 0%, stable 100%");
}

TEST_CASE("playbook: faults of the old cutover scripts are configuration errors") {
    const auto broken = [](auto change) {
        Playbook playbook = base();
        change(playbook);
        const auto got = validate(playbook);
        return !got && got.error().code == Code::config;
    };
    CHECK(broken([](Playbook& p) { p.stages = {5, 25, 25}; }));
    CHECK(broken([](Playbook& p) { p.stages = {50, 25}; }));
    CHECK(broken([](Playbook& p) { p.stages = {0, 101}; }));
    CHECK(broken([](Playbook& p) { p.stages = {-1}; }));
    CHECK(broken([](Playbook& p) { p.stages.clear(); }));
    CHECK(broken([](Playbook& p) { p.traffic.canary = p.traffic.stable; }));
    CHECK(broken([](Playbook& p) { p.stage.gates[1].id = p.stage.gates[0].id; }));
    CHECK(broken([](Playbook& p) { p.stage.gates[0].confidence = 1; }));
    CHECK(broken([](Playbook& p) { p.stage.gates[0].limit = 1.5; }));
    CHECK(broken([](Playbook& p) { p.stage.probe.per_arm_per_s = 5000; }));
    CHECK(broken([](Playbook& p) {
        p.stage.probe = {.per_arm_per_s = 0, .unpinned_per_s = 5}; // its gates judge both arms
    }));
    CHECK(broken([](Playbook& p) { p.name = "cut\x1b[2Jover"; }));
    CHECK(broken([](Playbook& p) {
        p.traffic.canary = "v\xc2\x9b"
                           "2J";
    }));
    CHECK_FALSE(broken([](Playbook& p) { p.name = "größer \"neu\""; }));
    CHECK(broken([](Playbook& p) { p.stage.bake = Millis(0); }));
    CHECK(broken([](Playbook& p) { p.version = 2; }));
    CHECK(validate(base()).has_value());
}
