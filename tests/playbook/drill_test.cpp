// Drills: the rollback, tried on purpose.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/each_gate.hpp"

#include "drill/planted_fault.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <map>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;

namespace {

void make_drill(World& world, std::string fault) {
    world.playbook.kind = Kind::rollback_drill;
    world.playbook.target.base_url = "http://127.0.0.1:1";
    world.playbook.traffic.driver = "local"; // faults are planted nowhere else
    world.playbook.stages = {0, 5, 25, 50};
    world.playbook.run_gates.clear();
    world.playbook.drill = DrillSpec{25, std::move(fault), Millis(2000)};
    world.playbook.stage.probe.unpinned_per_s = 500;
    world.playbook.stage.gates[0].limit = 0.05;
}

} // namespace

TEST_CASE("drill: a planted fault is noticed, users are well again, all is as before: exit 0") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(0));
    REQUIRE(find_check(outcome, "drill.failure@25%") != nullptr);
    CHECK_THAT(
        find_check(outcome, "drill.failure@25%")->detail, Contains("error-rate=0.6 was noticed")
    );
    // What was made to fail is no failure of the run, and no pass either.
    CHECK(find_check(outcome, "gate.error-rate@25%")->verdict == Verdict::skipped);
    CHECK(outcome.stages.back().name == "25%");
    CHECK(outcome.stages.back().verdict == Verdict::fail);
    CHECK(find_check(outcome, "postflight.users.happy")->verdict == Verdict::pass);
}

TEST_CASE("drill: detection, decision and recovery are three times, each from its own evidence") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    const RunOutcome outcome = world.run();
    REQUIRE(outcome.rollback.has_value());
    const auto& rollback = *outcome.rollback;
    REQUIRE(rollback.fault_s.has_value());
    REQUIRE(rollback.seen_s.has_value());
    CHECK(*rollback.fault_s <= *rollback.seen_s);
    CHECK(*rollback.seen_s <= rollback.decided_s);
    REQUIRE(outcome.drill.has_value());
    CHECK(outcome.drill->users > 0);
    CHECK(outcome.drill->users_per_s == 500);
    REQUIRE(outcome.drill->recovery_s().has_value());
    CHECK(*outcome.drill->recovery_s() < 2);
}

TEST_CASE("drill: a run that another process took over plants no fault") {
    World world;
    make_drill(world, "error-rate=0.6");
    std::vector<int> begun;
    world.instruments.on_stage = [&](int percent) { begun.push_back(percent); };
    world.prepare = [&](RunInput& input, const asio::any_io_executor&) {
        input.may_write = [&]() -> Result<void> {
            if (world.driver.serving == World::split(25)) { // it has just written that
                return fail(Code::conflict, "another process has taken the run over");
            }
            return {};
        };
    };
    const RunOutcome outcome = world.run();
    CHECK(begun == std::vector{0, 5});
    CHECK_THAT(check_of(outcome, "fault@25%").detail, Contains("taken the run over"));
    CHECK(outcome.exit == ExitCode::rollback_unverified);
}

TEST_CASE("drill: nobody can pause it: it measures times, and its users meet a fault") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.playbook.stage.pause_at_most = Millis(20);
    world.instruments.bad_at[25] = 60;
    std::string refusal;
    world.person = [&](run::Steering& steering) {
        if (!steering.position().stage.empty() && refusal.empty()) {
            const auto given = steering.give({run::Action::pause, "alice", {}});
            refusal = given ? "taken" : given.error().message;
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK_THAT(refusal, Contains("a drill"));
    CHECK(outcome.exit == ExitCode::ok);
    REQUIRE(outcome.drill.has_value());
    CHECK(*outcome.drill->recovery_s() < 2);
}

TEST_CASE("drill: recovered is who meets the baseline, whatever the driver says") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    world.instruments.late_users = 5; // the switch says stable, five users still meet the canary
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::ok);
    REQUIRE(outcome.drill.has_value());
    REQUIRE(outcome.drill->hurt_s.has_value());
    CHECK(*outcome.drill->hurt_s > *outcome.rollback->written_s);
    CHECK(*outcome.drill->well_s > *outcome.drill->hurt_s);
}

TEST_CASE("drill: users who stay hurt fail it") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.playbook.drill->recover_within = Millis(100);
    world.instruments.bad_at[25] = 60;
    world.instruments.late_users = 100000;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(find_check(outcome, "drill.recovery")->verdict == Verdict::fail);
    CHECK(world.driver.serving == World::split(0));
    CHECK(outcome.exit == ExitCode::rolled_back);
}

TEST_CASE("drill: a fault that no gate notices fails it, and the traffic goes back") {
    World world;
    make_drill(world, "error-rate=0.01");
    world.instruments.bad_at[25] = 0; // planted, and nothing comes of it
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK_THAT(find_check(outcome, "drill.failure@25%")->detail, Contains("no gate failed"));
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("drill: a fault that is left planted is in the journal's last line as in the exit") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    std::filesystem::path faults;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 25) {
            faults = world.folder / "faults";
            REQUIRE(plant_fault(world.folder, faults, "error-rate=0.6").has_value());
            REQUIRE(write_file_atomic(faults, "latency=1s\nerror-rate=0.6\n").has_value());
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK_THAT(world.journal_text(), Contains(R"("detail":"FAIL exit 8")"));
    CHECK_THAT(outcome.headline, Contains("A planted fault is left"));
    CHECK(outcome.only_fault_left);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("drill: a ruled failure measures the rollback and claims no detection") {
    World world;
    make_drill(world, "");
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::ok);
    const Check* failure = find_check(outcome, "drill.failure@25%");
    REQUIRE(failure != nullptr);
    CHECK(failure->mode == CheckMode::rehearsed); // never a live pass
    CHECK_FALSE(outcome.rollback->fault_s.has_value());
    CHECK(outcome.drill->recovery_s().has_value());
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("drill: the first surprise ends it in safety") {
    struct Row {
        std::string_view name;
        std::function<void(World&)> arm;
        ExitCode exit;
    };
    const std::vector<Row> rows{
        {"a gate fails before its time",
         [](World& world) { world.instruments.bad_at[5] = 60; },
         ExitCode::rolled_back},
        {"a gate fails by itself where a failure is only ruled",
         [](World& world) {
             world.playbook.drill->fault.clear();
             world.instruments.slow_at[25] = 0.5;
         },
         ExitCode::rolled_back},
        {"a shift is refused",
         [](World& world) { world.driver.answers[2] = FakeDriver::Answer::refused; },
         ExitCode::rolled_back},
        {"a signal",
         [](World& world) {
             world.instruments.on_stage = [&](int percent) {
                 if (percent == 5) {
                     world.stop.request(SIGTERM);
                 }
             };
         },
         ExitCode::rolled_back},
        {"the smoke before it",
         [](World& world) { world.instruments.smokes["preflight.canary"] = Verdict::fail; },
         ExitCode::breach},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        make_drill(world, "error-rate=0.6");
        world.instruments.bad_at[25] = row.name.contains("ruled") ? 0 : 60;
        if (row.name.contains("ruled")) {
            world.instruments.bad_at.clear();
        }
        row.arm(world);
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == row.exit);
        CHECK(world.driver.serving == World::split(0));
    }
}

TEST_CASE("drill: it stops at the stage that it makes fail") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    (void)world.run();
    for (const auto& split : world.driver.applied) {
        CHECK(split.percent_of("canary") <= 25);
    }
}

TEST_CASE("fault 65: a drill is the cutover's engine with a forced failure, and tells its times") {
    World world;
    make_drill(world, "error-rate=0.6");
    world.instruments.bad_at[25] = 60;
    (void)world.run();
    const auto plan = parse_json(read_file(world.folder / "plan.json").value_or(""));
    REQUIRE(plan.has_value());
    std::vector<std::string> ids;
    for (const Json& step : plan->at("steps")) {
        ids.push_back(step.at("id").get<std::string>());
    }
    for (const char* id : {"preflight.canary", "shift@5%", "probe@5%", "gate.error-rate@5%"}) {
        CHECK(std::ranges::find(ids, id) != ids.end());
    }
    CHECK(ids[ids.size() - 2] == "recover");
    CHECK(ids.back() == "postflight.users");
}

TEST_CASE("each gate: every kind of gate has its fault, or is listed as not tried") {
    using measure::GateSpec;
    using measure::Metric;
    Playbook playbook;
    const auto add = [&](std::string id, Metric metric) -> GateSpec& {
        playbook.stage.gates.push_back({});
        GateSpec& gate = playbook.stage.gates.back();
        gate.id = std::move(id);
        gate.metric = metric;
        return gate;
    };
    add("rate", Metric::bad_rate);
    add("old", Metric::bad_rate).events = "compat_rejected";
    add("odd", Metric::bad_rate).events = "rejected";
    add("late", Metric::quantile).timing = measure::Timing::first_content;
    add("logins", Metric::spike).signal = "auth_errors";
    add("sync", Metric::spike).signal = "sync_token_errors";
    add("audit", Metric::spike).signal = "audit_errors";
    add("promql", Metric::expression);
    add("seen", Metric::bad_rate).mode = measure::GateMode::observe;
    playbook.continuity = Continuity::required;

    std::map<std::string, std::string, std::less<>> faults;
    for (const GateTrial& trial : gate_trials(playbook)) {
        faults[trial.gate] = trial.fault;
    }
    CHECK(faults.size() == 9);
    CHECK(faults["rate"] == "error-rate=0.5");
    CHECK(faults["old"] == "http-error=0.5");
    CHECK(faults["odd"] == "http-error=0.5");
    CHECK(faults["late"].starts_with("latency="));
    CHECK(faults["logins"] == "auth-error=0.5");
    CHECK(faults["sync"] == "sync-token-error=0.5");
    CHECK(faults["audit"] == "audit-error=0.5");
    CHECK(faults["promql"].empty()); // nobody knows what an expression counts: it is named
    CHECK(faults["continuity"] == "forget=1");
    CHECK_FALSE(faults.contains("seen"));
}

TEST_CASE("each gate: a limit in seconds has a fault that is later, whatever the recording's pace"
) {
    using enum measure::Timing;
    const auto fault_of = [](measure::Timing timing, measure::Against against, double limit) {
        Playbook playbook;
        playbook.stage.gates.push_back({.id = "time", .metric = measure::Metric::quantile});
        playbook.stage.gates.back().timing = timing;
        playbook.stage.gates.back().against = against;
        playbook.stage.gates.back().limit = limit;
        return gate_trials(playbook).front().fault;
    };
    using measure::Against;
    CHECK(fault_of(first_content, Against::limit, 2.5) == "latency=5000ms");
    CHECK(fault_of(first_content, Against::limit, 0.1) == "latency=500ms");
    CHECK(fault_of(first_content, Against::stable, 0.5) == "latency=2000ms");
    CHECK(fault_of(chunk_gap, Against::limit, 10) == "gap=20000ms");
    CHECK(fault_of(duration, Against::limit, 60) == "gap=75000ms");
    CHECK(fault_of(duration, Against::stable, 0.5) == "slow=5");
    CHECK(fault_of(per_token, Against::limit, 0.05) == "slow=20");
    for (const measure::Timing timing : {first_content, chunk_gap, duration}) {
        CHECK_FALSE(fault_of(timing, Against::limit, 100).empty());
        CHECK(fault_of(timing, Against::limit, 101).empty()); // the lane ends the turn before
    }
}

TEST_CASE("gates drilled: only a FAIL did not notice; what was not judged is said to be that") {
    const auto text = [](std::initializer_list<std::pair<const char*, Verdict>> trials) {
        Json out = Json::array();
        for (const auto& [gate, verdict] : trials) {
            out.push_back({{"gate", gate}, {"verdict", to_string(verdict)}});
        }
        return open_gates(out);
    };
    CHECK(text({}).empty());
    CHECK(text({{"a", Verdict::pass}, {"b", Verdict::pass}}).empty());
    CHECK(text({{"a", Verdict::fail}, {"b", Verdict::pass}}) == "a did not notice");
    CHECK(text({{"a", Verdict::error}, {"b", Verdict::pass}}) == "not judged: a");
    CHECK(text({{"a", Verdict::inconclusive}}) == "no fault is known for a");
    CHECK(
        text(
            {{"a", Verdict::error},
             {"b", Verdict::fail},
             {"c", Verdict::inconclusive},
             {"d", Verdict::fail},
             {"e", Verdict::error}}
        ) == "b, d did not notice; no fault is known for c; not judged: a, e"
    );
}
