// A run that waits for a person, and what that person orders.
#include "hooks/hooks.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;
using run::Action;

namespace {

/// Gives the order once the run is paused; counts the pauses.
std::function<void(run::Steering&)> when_paused(Action action, int& pauses) {
    return [action, &pauses](run::Steering& steering) {
        if (steering.position().paused) {
            ++pauses;
            REQUIRE(steering.give({action, "alice", "because"}).has_value());
        }
    };
}

/// Asked before each stage, and never answers; `marker` exists once it was asked.
HookSpec silent_hook(const std::filesystem::path& marker) {
    HookSpec out;
    out.id = "humans";
    out.run = {"/bin/sh", "-c", "echo >> \"$0\"; exec sleep 600", marker.string()};
    out.on = {"before-stage"};
    out.timeout = std::chrono::minutes(10);
    out.required = true;
    return out;
}

} // namespace

TEST_CASE("pause: after a stage that the playbook names, until somebody continues") {
    World world;
    world.make_cutover();
    world.playbook.stage.pause_after = {5, 50};
    int pauses = 0;
    std::vector<std::string> at;
    world.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            if (at.empty() || at.back() != steering.position().stage) {
                at.push_back(steering.position().stage);
            }
            when_paused(Action::go_on, pauses)(steering);
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(at == std::vector<std::string>{"5%", "50%"});
    CHECK(world.driver.serving == World::split(100));
    CHECK_THAT(outcome.notes.at(0), Contains("Paused at 5% for 0s; continued by alice: because."));
}

TEST_CASE("pause: a stage whose users' probes were bad is neither paused nor promoted") {
    World world;
    world.make_cutover();
    world.playbook.stages = {50};
    world.playbook.run_gates.clear();
    world.playbook.stage.pause_after = {50};
    world.instruments.bad_users["canary"] = 30;
    bool paused = false;
    world.person = [&](run::Steering& steering) { paused = paused || steering.position().paused; };
    CHECK(world.run().exit == ExitCode::rolled_back);
    CHECK_FALSE(paused);

    world.playbook.stage.pause_after.clear();
    world.playbook.stage.bake = Millis(3000);
    bool done = false;
    world.person = [&](run::Steering& steering) {
        if (steering.position().stage == "50%" && !done) {
            done = steering.give({Action::promote, "alice", {}}).has_value();
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(done);
    CHECK(check_of(outcome, "answers@50%").verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("pause: nobody comes: a stage that was good goes back") {
    World world;
    world.make_cutover();
    world.playbook.stage.pause_after = {25};
    world.playbook.stage.pause_at_most = Millis(20);
    world.person = [](run::Steering&) {};
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
    CHECK_THAT(check_of(outcome, "pause@25%").detail, Contains("no order came within 20ms"));
    CHECK(check_of(outcome, "answers@25%").verdict == Verdict::pass);
    CHECK(outcome.verdict == Verdict::inconclusive);
}

TEST_CASE("pause: hold waits for a person; nobody comes, and the split stays") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::hold;
    world.playbook.stage.pause_at_most = Millis(20);
    world.instruments.bad_at[25] = 60;
    bool promoted = true;
    world.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            promoted = steering.give({Action::promote, "alice", {}}).has_value();
        }
    };
    const RunOutcome outcome = world.run();
    CHECK_FALSE(promoted); // a gate failed
    CHECK(outcome.held);
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(world.driver.serving == World::split(25));
}

TEST_CASE("pause: hold and continue measure the stage once more, and only that decides") {
    World good;
    good.make_cutover();
    good.playbook.stage.inconclusive_then = Then::hold;
    good.instruments.bad_at[25] = 6;
    int pauses = 0;
    good.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            good.instruments.bad_at[25] = 0;
            good.instruments.per_flow = 1000;
            when_paused(Action::go_on, pauses)(steering);
        }
    };
    const RunOutcome outcome = good.run();
    CHECK(pauses >= 1);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(good.driver.serving == World::split(100));

    World bad;
    bad.make_cutover();
    bad.playbook.stage.inconclusive_then = Then::hold;
    bad.instruments.bad_at[25] = 6;
    int again = 0;
    bad.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            bad.instruments.bad_at[25] = 60;
            when_paused(Action::go_on, again)(steering);
        }
    };
    CHECK(bad.run().exit == ExitCode::rolled_back);
    CHECK(again >= 1);
    CHECK(bad.driver.serving == World::split(0));
}

TEST_CASE("pause: a breach, a lost split and a signal do not wait for the person") {
    World reloaded;
    reloaded.make_cutover();
    reloaded.playbook.stage.pause_after = {25};
    reloaded.drift_every = Millis(2);
    reloaded.driver.process = {"1", {}};
    reloaded.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            reloaded.driver.serving = World::split(100);
            reloaded.driver.process = {"2", {}};
        }
    };
    const RunOutcome lost = reloaded.run();
    CHECK(lost.exit == ExitCode::rolled_back);
    CHECK_THAT(check_of(lost, "traffic@25%").detail, Contains("forgot what was set"));

    World interrupted;
    interrupted.make_cutover();
    interrupted.playbook.stage.pause_after = {25};
    interrupted.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            interrupted.stop.request(SIGINT);
        }
    };
    CHECK(interrupted.run().exit == ExitCode::rolled_back);
    CHECK(interrupted.driver.serving == World::split(0));

    World breach; // probes go on during the pause, and its interim looks may fail
    breach.make_cutover();
    breach.playbook.stage.pause_after = {25};
    int seen = 0;
    breach.person = [&](run::Steering& steering) {
        if (!steering.position().paused && breach.instruments.flows == 3 && seen++ == 0) {
            breach.instruments.bad_at[25] = 100; // from the next flow on
        }
    };
    const RunOutcome failed = breach.run();
    CHECK(failed.verdict == Verdict::fail);
    CHECK(failed.exit == ExitCode::rolled_back);
}

TEST_CASE("pause: a restart is noticed before anything has moved, too") {
    World world;
    world.make_cutover();
    world.playbook.stages = {0, 25};
    world.playbook.on_failure = Then::hold;
    world.drift_every = Millis(2);
    world.instruments.bad_at[0] = 60;
    world.driver.process = {"1", {}};
    world.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            world.driver.serving = World::split(100);
            world.driver.process = {"2", {}};
        }
    };
    CHECK(world.run().exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("pause: a breach while a good stage waits follows the playbook like one before") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::hold;
    world.playbook.stage.pause_after = {25};
    std::vector<std::string> reasons;
    bool aborted = false; // a slow engine is seen paused more than once
    world.person = [&](run::Steering& steering) {
        if (!steering.position().paused) {
            if (world.instruments.flows == 3 && reasons.empty()) {
                world.instruments.bad_at[25] = 100; // from the next flow on
            }
            return;
        }
        const std::string why = steering.position().why;
        if (reasons.empty() || reasons.back() != why) {
            reasons.push_back(why);
        }
        if (why.starts_with("FAIL") && !std::exchange(aborted, true)) {
            CHECK_FALSE(steering.give({Action::promote, "alice", {}}).has_value());
            REQUIRE(steering.give({Action::abort, "alice", "seen"}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    REQUIRE(reasons.size() == 2);
    CHECK(reasons[0] == "the playbook pauses after this stage");
    CHECK_THAT(reasons[1], Contains("FAIL gate error-rate"));
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("pause: what the gates said stays on the record, however the pause ends") {
    const auto hold_at_25 = [](World& world) {
        world.make_cutover();
        world.playbook.on_failure = Then::hold;
        world.drift_every = Millis(2);
        world.instruments.bad_at[25] = 60;
    };

    World aborted;
    hold_at_25(aborted);
    aborted.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            aborted.stop.request(SIGTERM);
        }
    };
    const RunOutcome stopped = aborted.run();
    CHECK(check_of(stopped, "gate.error-rate@25%").verdict == Verdict::fail);
    CHECK(check_of(stopped, "interrupted").verdict == Verdict::inconclusive);
    CHECK(stopped.verdict == Verdict::fail);
    CHECK(stopped.exit == ExitCode::rolled_back);
    CHECK_THAT(stopped.headline, Contains("error-rate") && Contains("rolled back and verified"));
    CHECK(stopped.stages.back().verdict == Verdict::fail);

    World restored; // by somebody else
    hold_at_25(restored);
    restored.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            restored.driver.serving = World::split(0);
        }
    };
    const RunOutcome lost = restored.run();
    CHECK(check_of(lost, "gate.error-rate@25%").verdict == Verdict::fail);
    CHECK(check_of(lost, "traffic@25%").verdict == Verdict::error);
    CHECK(lost.exit == ExitCode::rolled_back);

    World good; // a stage that had passed is not spoilt by it
    good.make_cutover();
    good.playbook.stage.pause_after = {25};
    good.person = [&](run::Steering& steering) {
        if (steering.position().paused) {
            good.stop.request(SIGTERM);
        }
    };
    const RunOutcome passed = good.run();
    CHECK(check_of(passed, "gate.error-rate@25%").verdict == Verdict::pass);
    CHECK(passed.verdict == Verdict::inconclusive);
    CHECK(passed.exit == ExitCode::rolled_back);
}

TEST_CASE("pause: asked for before a stage, the run waits between its steps; abort goes back") {
    World world;
    world.make_cutover();
    bool asked = false;
    std::string where;
    world.person = [&](run::Steering& steering) {
        if (!asked) {
            asked = steering.give({Action::pause, "alice", {}}).has_value();
        } else if (where.empty() && steering.position().paused) {
            where = steering.position().step;
            REQUIRE(steering.give({Action::abort, "bob", "too late"}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    CHECK_FALSE(where.empty());
    CHECK(world.driver.serving == World::split(0));
    CHECK_THAT(check_of(outcome, "interrupted").detail, Contains("aborted by bob: too late"));
}

TEST_CASE("pause: a stage whose traffic was moved is measured before the run waits") {
    World world;
    world.make_cutover();
    world.playbook.stages = {50, 100};
    run::Steering* steered = nullptr;
    world.driver.after_write = [&] {
        if (world.driver.serving == World::split(50)) {
            REQUIRE(steered != nullptr);
            REQUIRE(steered->give({Action::pause, "alice", {}}).has_value());
        }
    };
    std::string stage;
    int flows = 0;
    world.person = [&](run::Steering& steering) {
        steered = &steering;
        if (steering.position().paused && flows == 0) {
            stage = steering.position().stage;
            flows = world.instruments.flows;
            REQUIRE(steering.give({Action::go_on, "bob", {}}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(stage == "50%"); // not between the shift and the measurement
    CHECK(flows >= 2); // of the stage, and of the pause after it
    CHECK(outcome.exit == ExitCode::ok);
}

TEST_CASE("pause: ordered while a required hook is asked the run waits before it moves traffic") {
    World world;
    world.make_cutover();
    world.playbook.stages = {50, 100};
    world.instruments.per_flow = 300; // enough for the gate of the whole run
    const auto marker = world.state / "asked";
    HookSpec hook = silent_hook(marker);
    hook.run = {
        "/bin/sh",
        "-c",
        "echo >> \"$0\"; until test -e \"$0.go\"; do sleep 0.01; done",
        marker.string()
    };
    std::unique_ptr<Hooks> hooks;
    world.prepare = [&](RunInput& input, const asio::any_io_executor& executor) {
        hooks = std::make_unique<Hooks>(
            executor, std::vector{hook}, HookFacts{}, *input.session, Outside{}
        );
        input.hooks = hooks.get();
    };
    world.finished = [&] { hooks.reset(); };
    bool asked = false;
    int paused_at = -1;
    world.person = [&](run::Steering& steering) {
        if (!asked && std::filesystem::exists(marker)) {
            asked = steering.give({Action::pause, "alice", {}}).has_value();
            std::ofstream(marker.string() + ".go") << "yes";
        } else if (paused_at < 0 && steering.position().paused) {
            paused_at = world.driver.serving.percent_of("canary");
            REQUIRE(steering.give({Action::go_on, "bob", {}}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(asked);
    CHECK(paused_at == 0);
    CHECK(outcome.exit == ExitCode::ok);
}

TEST_CASE("pause: a promoted stage leaves its open gates to a later one") {
    World world;
    world.make_cutover();
    world.playbook.stages = {5, 25};
    world.playbook.run_gates.clear();
    world.playbook.stage.bake = Millis(3000);
    world.instruments.per_flow = 3;
    std::vector<std::string> promoted;
    world.person = [&](run::Steering& steering) {
        const std::string stage = steering.position().stage;
        if (stage == "5%" && world.instruments.flows == 1 && promoted.empty()) {
            REQUIRE(steering.give({Action::promote, "alice", "enough"}).has_value());
            promoted.push_back(stage);
            world.playbook.stage.bake = Millis(10);
            world.instruments.per_flow = 1000;
        }
        if (stage == "25%" && promoted.size() == 1) {
            REQUIRE(steering.give({Action::promote, "alice", "still good"}).has_value());
            promoted.push_back(stage);
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(promoted.size() == 2);
    const Check& first = check_of(outcome, "gate.error-rate@5%");
    CHECK(first.verdict == Verdict::skipped);
    CHECK_FALSE(first.required);
    CHECK_THAT(first.detail, Contains("promoted by alice: enough; was INCONCLUSIVE: "));
    CHECK(check_of(outcome, "gate.error-rate@25%").verdict == Verdict::pass);
    CHECK(world.driver.serving == World::split(25));
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(check_of(outcome, "split@5%").verdict == Verdict::pass);
}

TEST_CASE("pause: the last stage promoted while its gates are open is never a PASS") {
    World world;
    world.make_cutover();
    world.playbook.stages = {5};
    world.playbook.run_gates.clear();
    world.playbook.stage.bake = Millis(3000);
    world.instruments.per_flow = 3;
    bool done = false;
    world.person = [&](run::Steering& steering) {
        if (steering.position().stage == "5%" && !done) {
            done = steering.give({Action::promote, "alice", {}}).has_value();
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.exit == ExitCode::inconclusive);
    CHECK(check_of(outcome, "gate.error-rate@5%").required);
    CHECK(world.driver.serving == World::split(5));
}

TEST_CASE("pause: a stage that failed goes back, though a source fell silent in it, too") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::rollback;
    world.playbook.stage.error_then = Then::hold;
    world.playbook.stage.error_hold_at_most = Millis(0);
    world.playbook.stage.bake = Millis(50);
    world.playbook.stage.pause_at_most = Millis(20);
    world.playbook.sources = {
        measure::source_settings("prometheus", {.places = {"http://p"}}),
        measure::source_settings("probe", {}),
    };
    world.playbook.stage.gates = {
        {.id = "users", .limit = 0.5, .events = "http_5xx"},
        {.id = "probes", .limit = 0.05, .from = "probe"},
    };
    world.playbook.stages = {25, 50};
    world.playbook.run_gates.clear();
    FakeSource source([](const measure::Question&) -> Result<measure::SourceReading> {
        return fail(Code::network, "connection refused");
    });
    world.sources["prometheus"] = &source;
    world.playbook.stage.extend_at_most = Millis(0);
    world.instruments.bad_at[25] = 12; // too little for an interim look
    bool paused = false;
    world.person = [&](run::Steering& steering) { paused = paused || steering.position().paused; };
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    CHECK_FALSE(paused);
    CHECK_FALSE(outcome.held);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("pause: a read that failed when the order came is made again, and leaves no trace") {
    World world;
    world.make_cutover();
    world.playbook.stage.pause_after = {25};
    world.drift_every = Millis(20);
    world.person = [&](run::Steering& steering) {
        FakeDriver& driver = world.driver;
        if (!steering.position().paused) {
            return;
        }
        if (driver.away_from == 0) {
            driver.away_from = driver.reads + 1;
            driver.away_to = driver.away_from + 100;
        } else if (driver.reads >= driver.away_from) {
            driver.away_to = driver.reads + 1;
            REQUIRE(steering.give({Action::go_on, "alice", {}}).has_value());
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(check_of(outcome, "traffic@25%").verdict == Verdict::pass);
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(100));
}

TEST_CASE("pause: probes that could not be started and then were leave no trace") {
    World world;
    world.make_cutover();
    world.playbook.stage.error_then = Then::hold;
    world.playbook.stage.error_hold_at_most = Millis(0);
    world.instruments.failing_flows = {2};
    int pauses = 0;
    world.person = when_paused(Action::go_on, pauses);
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(pauses >= 1);
    CHECK(find_check(outcome, "probe@5%") == nullptr);
    CHECK(outcome.exit == ExitCode::ok);

    World gone; // for good: it stays an error
    gone.make_cutover();
    gone.playbook.stage.error_then = Then::rollback;
    gone.playbook.stage.error_hold_at_most = Millis(0);
    gone.instruments.failing_flows = {2};
    const RunOutcome ended = gone.run();
    CHECK(check_of(ended, "probe@5%").verdict == Verdict::error);
    CHECK(ended.exit == ExitCode::rolled_back);
}

TEST_CASE("pause: a last stage that was promoted before its gates ran is not passed") {
    World world;
    world.make_cutover();
    world.playbook.stages = {5, 25};
    world.playbook.run_gates.clear();
    world.playbook.stage.error_then = Then::hold;
    world.playbook.stage.error_hold_at_most = Millis(0);
    for (int flow = 2; flow < 50; ++flow) { // the second stage's, and those of its pause
        world.instruments.failing_flows.insert(flow);
    }
    int pauses = 0;
    world.person = when_paused(Action::promote, pauses);
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(pauses >= 1);
    CHECK(check_of(outcome, "gates@25%").required);
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.exit != ExitCode::ok);
}

TEST_CASE("pause: a stop while a required hook is asked moves no traffic") {
    World world;
    world.make_cutover();
    world.playbook.stages = {50, 100};
    const auto marker = world.state / "asked";
    std::unique_ptr<Hooks> hooks;
    world.prepare = [&](RunInput& input, const asio::any_io_executor& executor) {
        hooks = std::make_unique<Hooks>(
            executor, std::vector{silent_hook(marker)}, HookFacts{}, *input.session, Outside{}
        );
        input.hooks = hooks.get();
    };
    world.finished = [&] { hooks.reset(); };
    world.person = [&](run::Steering&) {
        if (std::filesystem::exists(marker) && !world.stop.requested()) {
            world.stop.request(SIGINT);
        }
    };
    const RunOutcome outcome = world.run();
    REQUIRE(std::filesystem::exists(marker));
    CHECK(world.driver.writes_seen == 0);
    CHECK(world.driver.applied.empty());
    CHECK_FALSE(outcome.mutated);
    CHECK(static_cast<int>(outcome.exit) == 130);
    CHECK(find_check(outcome, "interrupted") != nullptr);
}

TEST_CASE("steering: orders that make no sense where the run is are refused") {
    StopRequest stop;
    run::Steering steering(stop);
    const auto refused = [&](Action action) {
        const auto given = steering.give({action, "alice", {}});
        return given ? std::string("taken") : given.error().message;
    };
    CHECK_THAT(refused(Action::go_on), Contains("not paused"));
    CHECK_THAT(refused(Action::promote), Contains("no stage"));
    CHECK(refused(Action::pause) == "taken");
    CHECK(refused(Action::go_on) == "taken"); // takes the wish back
    CHECK_FALSE(steering.pause_asked().has_value());
    CHECK_FALSE(steering.take_order().has_value());
    CHECK(refused(Action::abort) == "taken");
    CHECK_THAT(refused(Action::pause), Contains("already ending: aborted by alice"));
    CHECK(steering.orders().size() == 3);
}
