// What happens during a stage.
#include "world.hpp"

#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <csignal>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;

namespace {

/// Something happens to the traffic when that stage is under way.
void at_stage(World& world, int percent, std::function<void()> what) {
    world.instruments.on_stage = [percent, what = std::move(what)](int now) {
        if (now == percent) {
            what();
        }
    };
}

/// Once users meet the canary. A number counted from the start would depend on how busy the machine
/// is.
void away_at_stage(World& world, int percent, int reads) {
    at_stage(world, percent, [&world, reads] {
        world.driver.away_from = world.driver.reads + 1;
        world.driver.away_to = world.driver.away_from + reads;
    });
}

/// In the first stage, whether or not it plants faults.
Task<void> change_once_probed(World* world, bool restarts) {
    while (world->instruments.flows == 0) {
        (void)co_await sleep_for(Millis(1));
    }
    world->driver.serving = World::split(30);
    world->driver.process = {restarts ? "4712" : "4711", {}};
}

} // namespace

TEST_CASE("stage: a reload that forgets the weights in mid-hold is noticed at once and undone") {
    // What the machinery falls back to: its file's weights, whatever they are.
    for (const int falls_back_to : {0, 10, 50, 100}) {
        CAPTURE(falls_back_to);
        World world;
        world.drift_every = Millis(5);
        world.playbook.stage.bake = Millis(60000); // noticed in the middle, or the test takes long
        world.instruments.per_flow = 1;
        world.playbook.stages = {25, 100};
        world.driver.process = {"4711", 86400};
        at_stage(world, 25, [&] {
            world.driver.serving = World::split(falls_back_to);
            world.driver.process = {"4712", 0};
        });
        const RunOutcome outcome = world.run();
        CHECK(outcome.verdict == Verdict::error);
        CHECK_THAT(check_of(outcome, "traffic@25%").detail, Contains("forgot what was set"));
        check_rolled_back(world, outcome);
    }
}

TEST_CASE("stage: a restart before anything was moved is undone, too, and by no dry run") {
    for (const RunMode mode : {RunMode::live, RunMode::rehearse}) {
        for (const bool restarts : {true, false}) {
            CAPTURE(static_cast<int>(mode), restarts);
            World world;
            world.mode = mode;
            world.drift_every = Millis(5);
            world.playbook.stage.bake = Millis(60000); // noticed in the middle
            world.instruments.per_flow = 1;
            world.playbook.stages = {0, 25};
            world.driver.process = {"4711", {}};
            world.prepare = [&](RunInput&, const asio::any_io_executor& executor) {
                asio::co_spawn(executor, change_once_probed(&world, restarts), asio::detached);
            };
            const RunOutcome outcome = world.run();
            INFO(outcome.headline);
            CHECK(outcome.verdict == Verdict::error);
            if (mode == RunMode::live && restarts) {
                check_rolled_back(world, outcome);
                CHECK(world.driver.applied == std::vector{World::split(0)});
                const auto summary = read_journal(world.journal_text());
                REQUIRE(summary.has_value());
                CHECK(summary->written == std::vector{World::split(0)});
                CHECK_FALSE(summary->needs_rollback());
                CHECK(world.stop.mutated());
            } else { // a second operator's, or not ours to write
                CHECK(world.driver.writes_seen == 0);
                CHECK(world.driver.serving == World::split(30));
                CHECK_FALSE(outcome.rollback.has_value());
                CHECK_FALSE(world.stop.mutated());
            }
        }
    }
}

TEST_CASE("stage: a restart is told by the process or by its age, and by nothing else") {
    const auto restarted = [](traffic::MachineryProcess now, Json extra = Json::object()) {
        World world;
        world.drift_every = Millis(2);
        world.driver.process = {"10", 500};
        world.driver.extra = {{"pid", 10}, {"uptime_s", 500}, {"instance", "a"}};
        at_stage(world, 25, [&] {
            world.driver.serving = World::split(90);
            world.driver.process = now;
            world.driver.extra = extra;
        });
        const RunOutcome outcome = world.run();
        return check_of(outcome, "traffic@25%").data.at("restarted").get<bool>();
    };
    CHECK(restarted({"11", 501}));
    CHECK(restarted({"11", {}}));
    CHECK(restarted({"10", 2}));
    CHECK_FALSE(restarted({"10", 501}));
    CHECK_FALSE(restarted({}));
    // Kept as evidence: a program may print what it likes there.
    CHECK_FALSE(restarted({"10", 501}, {{"pid", 11}, {"uptime_s", 2}, {"instance", "b"}}));
}

TEST_CASE("stage: machinery that was away too long and forgot the split is written over, too") {
    World world;
    world.drift_every = Millis(2);
    world.playbook.stages = {25};
    world.playbook.stage.bake = Millis(60000);
    world.driver.process = {"a", {}};
    at_stage(world, 25, [&] {
        world.driver.away_from = world.driver.reads + 1;
        world.driver.away_to = world.driver.away_from + 20;
        world.driver.serving = World::split(100);
        world.driver.process = {"b", {}};
    });
    const RunOutcome outcome = world.run();
    CHECK_THAT(check_of(outcome, "traffic@25%").detail, Contains("cannot be read"));
    check_rolled_back(world, outcome);
}

TEST_CASE("stage: a restart that keeps the split is no reason to stop") {
    World world;
    world.drift_every = Millis(2);
    world.driver.process = {"1", {}};
    at_stage(world, 25, [&] { world.driver.process = {"2", {}}; });
    CHECK(world.run().exit == ExitCode::ok);
}

TEST_CASE("stage: a second operator's split in mid-hold stops the run and is left alone") {
    World world;
    world.drift_every = Millis(5);
    world.playbook.stage.bake = Millis(60000);
    world.playbook.stages = {25};
    world.instruments.per_flow = 1;
    at_stage(world, 25, [&] { world.driver.serving = World::split(60); });
    const RunOutcome outcome = world.run();
    CHECK(check_of(outcome, "traffic@25%").verdict == Verdict::error);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(world.driver.serving == World::split(60));
    CHECK_THAT(
        check_of(outcome, "traffic@25%").detail, Contains("somebody else changed the traffic")
    );
    CHECK_THAT(check_of(outcome, "rollback.read-back").detail, Contains("somebody else changed"));
}

TEST_CASE("stage: a second operator's wish is noticed before it serves") {
    World world;
    world.drift_every = Millis(5);
    at_stage(world, 25, [&] { world.driver.wanted = World::split(80); });
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK_THAT(check_of(outcome, "traffic@25%").detail, Contains("somebody else requested"));
    CHECK(outcome.stages.back().name == "25%");
}

TEST_CASE("stage: somebody who restores the baseline for us is agreed with") {
    World world;
    world.drift_every = Millis(5);
    at_stage(world, 25, [&] { world.driver.serving = World::split(0); });
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    check_rolled_back(world, outcome);
}

TEST_CASE("stage: one unanswered read is nothing, silence to the end is an error") {
    World blink;
    blink.drift_every = Millis(2);
    blink.playbook.stages = {25};
    blink.playbook.run_gates.clear();
    blink.driver.failing_reads = {4, 6};
    CHECK(blink.run().exit == ExitCode::ok);

    World silent;
    silent.drift_every = Millis(2);
    silent.playbook.stages = {25};
    silent.playbook.stage.bake = Millis(60000); // given up in the middle
    away_at_stage(silent, 25, 16);
    const RunOutcome outcome = silent.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK_THAT(check_of(outcome, "traffic@25%").detail, Contains("cannot be read"));
    check_rolled_back(silent, outcome);
}

TEST_CASE("stage: on_error waits for the machinery as long as it says") {
    World world;
    world.drift_every = Millis(2);
    world.playbook.stages = {25};
    world.playbook.run_gates.clear();
    world.playbook.stage.error_hold_at_most = Millis(5000);
    away_at_stage(world, 25, 36);
    CHECK(world.run().exit == ExitCode::ok);
}

TEST_CASE("stage: hold means that the split stays, the exit code asks for a person") {
    struct Row {
        std::string_view name;
        std::function<void(World&)> arm;
        Verdict verdict;
    };
    const std::vector<Row> rows{
        {"on_failure",
         [](World& world) {
             world.playbook.on_failure = Then::hold;
             world.instruments.bad_at[25] = 60;
         },
         Verdict::fail},
        {"on_inconclusive",
         [](World& world) {
             world.playbook.stage.inconclusive_then = Then::hold;
             world.instruments.bad_at[25] = 6;
         },
         Verdict::inconclusive},
        {"on_error",
         [](World& world) {
             world.playbook.stage.error_then = Then::hold;
             world.drift_every = Millis(2);
             world.playbook.stages = {25};
             away_at_stage(world, 25, 1000);
         },
         Verdict::error},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        World world;
        row.arm(world);
        const RunOutcome outcome = world.run();
        CHECK(outcome.verdict == row.verdict);
        CHECK(outcome.held);
        CHECK(world.driver.serving == World::split(25));
        CHECK(outcome.exit == ExitCode::rollback_unverified);
        CHECK_FALSE(outcome.rollback.has_value());
        CHECK_THAT(outcome.headline, Contains("held, the split stays"));
        CHECK_THAT(outcome.notes.back(), Contains("oa-stream rollback apply --run "));
        const auto summary = read_journal(world.journal_text());
        REQUIRE(summary.has_value());
        CHECK(summary->needs_rollback());
    }
}

TEST_CASE("stage: whatever says hold, a signal and a lost split go back") {
    const auto current_stage = [](World& world) {
        world.playbook.on_failure = Then::hold;
        world.playbook.stage.inconclusive_then = Then::hold;
        world.playbook.stage.error_then = Then::hold;
    };
    World interrupted;
    current_stage(interrupted);
    at_stage(interrupted, 25, [&] { interrupted.stop.request(SIGINT); });
    check_rolled_back(interrupted, interrupted.run());

    World reloaded;
    current_stage(reloaded);
    reloaded.driver.process = {"1", {}};
    at_stage(reloaded, 25, [&] {
        reloaded.driver.serving = World::split(100);
        reloaded.driver.process = {"2", {}};
    });
    check_rolled_back(reloaded, reloaded.run());

    World refused; // a write that failed is no source that failed
    current_stage(refused);
    refused.driver.answers[2] = FakeDriver::Answer::refused;
    check_rolled_back(refused, refused.run());
}

TEST_CASE("stage: a gate that observes is reported and decides nothing") {
    World world;
    world.playbook.stage.gates[0].mode = measure::GateMode::observe;
    world.playbook.run_gates.clear();
    world.instruments.bad_at[25] = 60;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    const Check& check = check_of(outcome, "gate.error-rate@25%");
    CHECK(check.verdict == Verdict::skipped);
    CHECK_THAT(check.detail, Contains("would be FAIL"));
    CHECK(outcome.stages.back().judged);
}

TEST_CASE("stage: a run in which no gate decided is never PASS, whatever it did") {
    const auto observing = [](World& world) {
        for (measure::GateSpec& gate : world.playbook.stage.gates) {
            gate.mode = measure::GateMode::observe;
        }
        world.playbook.run_gates.clear();
        world.instruments.bad_at[100] = 100;
    };
    const auto none = [](World& world) {
        world.playbook.stage.gates.clear();
        world.playbook.run_gates.clear();
    };
    for (const bool all_observe : {true, false}) {
        for (const Afterwards afterwards : {Afterwards::stay, Afterwards::restore}) {
            CAPTURE(all_observe, afterwards == Afterwards::stay);
            World world;
            all_observe ? observing(world) : none(world);
            world.playbook.afterwards = afterwards;
            // What a gate that decides could not decide is none of it.
            world.playbook.stage.inconclusive_then = Then::rollback;
            const RunOutcome outcome = world.run();
            CHECK(outcome.verdict == Verdict::inconclusive);
            CHECK(outcome.exit == ExitCode::inconclusive);
            const bool stays = afterwards == Afterwards::stay;
            CHECK(world.driver.serving == World::split(stays ? 100 : 0));
            CHECK_FALSE(outcome.rollback.has_value());
            CHECK_THAT(outcome.headline, Contains("no gate decided"));
            CHECK_THAT(
                outcome.headline, Contains(stays ? "canary 100%, stable 0% stays" : "is back where")
            );
            REQUIRE(outcome.stages.size() == 5);
            for (const report::StageRow& row : outcome.stages) {
                CHECK(row.verdict == Verdict::skipped);
                CHECK(report::verdict_word(row) == "not judged");
            }
        }
    }
}

TEST_CASE("stage: without a gate that decides, what fails otherwise still goes back") {
    World world;
    world.playbook.stage.gates.clear();
    world.playbook.run_gates.clear();
    world.playbook.afterwards = Afterwards::stay;
    world.instruments.smokes["postflight.users"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    check_rolled_back(world, outcome);
}

TEST_CASE("stage: gates of the whole run are enough for a PASS, their stages are not judged") {
    World world;
    world.playbook.stage.gates.clear();
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK_FALSE(outcome.stages.front().judged);
}

TEST_CASE("stage: an edge that answers for a dead canary fails, though users saw no error") {
    // option redispatch: every request to the canary is answered well, by stable.
    World unpinned;
    unpinned.instruments.met_at[25] = 0;
    const RunOutcome split = unpinned.run();
    CHECK(check_of(split, "split@25%").verdict == Verdict::fail);
    check_rolled_back(unpinned, split);

    World pinned;
    pinned.instruments.answered_by[25] = "stable";
    const RunOutcome arm = pinned.run();
    CHECK(check_of(arm, "gate.error-rate@25%").verdict == Verdict::fail);
    check_rolled_back(pinned, arm);
}

TEST_CASE("stage: what is bad on the users' way alone fails the stage, whatever the gates say") {
    World world;
    world.playbook.stages = {50};
    world.playbook.run_gates.clear();
    world.instruments.bad_users["canary"] = 15;
    const RunOutcome outcome = world.run();
    CHECK(check_of(outcome, "gate.error-rate@50%").verdict == Verdict::pass);
    CHECK(check_of(outcome, "split@50%").verdict == Verdict::pass);
    const Check& answers = check_of(outcome, "answers@50%");
    CHECK(answers.verdict == Verdict::fail);
    CHECK_THAT(answers.detail, Contains("15 of 50") && Contains("the first bad one: truncated"));
    CHECK(answers.data.at("bad") == 15);
    CHECK_THAT(outcome.headline, Contains("answers@50%: at the users' address"));
    CHECK(outcome.stages.at(0).observed == "canary 50 of 100, 15 bad");
    CHECK(outcome.stages.at(0).verdict == Verdict::fail);
    check_rolled_back(world, outcome);
}

TEST_CASE("stage: users' probes are judged by the limit of the stage's gates, beyond chance alone"
) {
    struct Row {
        std::string_view what;
        measure::GateSpec gate;
        int percent;
        int canary;
        int stable;
        Verdict verdict;
    };
    const measure::GateSpec share{.id = "share", .limit = 0.05};
    const measure::GateSpec words{.id = "words", .limit = 0.5, .events = "http_5xx | empty"};
    const measure::GateSpec more{.id = "more", .against = measure::Against::stable, .limit = 0.05};
    const measure::GateSpec stalled{.id = "stalled", .limit = 0.9, .events = "stalled"};
    for (const Row& row : {
             Row{"none", share, 50, 0, 0, Verdict::pass},
             Row{"one of 50", share, 50, 1, 0, Verdict::pass},
             Row{"5 of 50, and 10 of 100 with the extension", share, 50, 5, 0, Verdict::inconclusive
             },
             Row{"30 of 50", share, 50, 30, 0, Verdict::fail},
             Row{"a wider limit", words, 50, 15, 0, Verdict::pass},
             Row{"both alike", more, 50, 15, 15, Verdict::pass},
             Row{"worse than stable", more, 50, 15, 0, Verdict::fail},
             Row{"at 100 % stable's pinned probes are the measure", more, 100, 30, 0, Verdict::fail
             },
             Row{"a gate on another ending allows nothing", stalled, 50, 15, 0, Verdict::fail},
         }) {
        CAPTURE(row.what);
        World world;
        world.playbook.stages = {row.percent};
        world.playbook.stage.gates = {row.gate};
        world.playbook.run_gates.clear();
        world.instruments.bad_users = {{"canary", row.canary}, {"stable", row.stable}};
        const RunOutcome outcome = world.run();
        const std::string id = fmt::format("answers@{}%", row.percent);
        CHECK(check_of(outcome, id).verdict == row.verdict);
        CHECK(outcome.verdict == row.verdict);
    }
}

TEST_CASE("stage: where no gate decides, bad answers of users' probes are told and decide nothing"
) {
    World world;
    world.playbook.stages = {50};
    world.playbook.stage.gates.clear();
    world.playbook.run_gates.clear();
    world.playbook.afterwards = Afterwards::stay;
    world.instruments.bad_users["canary"] = 15;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::inconclusive);
    const Check& answers = check_of(outcome, "answers@50%");
    CHECK(answers.verdict == Verdict::skipped);
    CHECK_THAT(answers.detail, Contains("no gate decides; was FAIL: ") && Contains("15 of 50"));
}

TEST_CASE("stage: on_no_traffic: hold wants users, not only this run's own probes") {
    const auto with = [](World& world) {
        world.playbook.stage.on_no_traffic = NoTraffic::hold;
        world.playbook.stages = {25};
        world.playbook.run_gates.clear();
    };
    World untold;
    with(untold);
    const RunOutcome unknown = untold.run();
    CHECK(unknown.verdict == Verdict::inconclusive);
    CHECK(untold.instruments.flows == 2); // it waited for them
    CHECK_THAT(check_of(unknown, "users@25%").detail, Contains("does not count requests"));
    check_rolled_back(untold, unknown);

    World quiet;
    with(quiet);
    quiet.driver.streams["canary"].finished = 5;
    CHECK(quiet.run().verdict == Verdict::inconclusive);

    // 300 answers are probes of ours; these requests come between the first look and the last.
    const auto among = [&](std::uint64_t deletions, std::uint64_t requests, bool direct = false) {
        World busy;
        with(busy);
        busy.driver.direct = direct;
        busy.driver.streams["stable"].finished = 100;
        busy.instruments.others = {7, 7};
        busy.drift_every = Millis(2);
        at_stage(busy, 25, [&] {
            spawn(
                busy.instruments.executor,
                "users",
                [](World* world, std::uint64_t more, std::uint64_t seen) -> Task<void> {
                    (void)co_await sleep_for(Millis(5));
                    world->driver.streams["stable"].finished = 100 + seen;
                    world->instruments.others = {7 + more, 7 + more};
                }(&busy, deletions, requests)
            );
        });
        return busy.run();
    };
    const RunOutcome outcome = among(0, 600);
    CHECK(check_of(outcome, "users@25%").verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(check_of(among(299, 600), "users@25%").verdict == Verdict::pass);
    // All that came besides the probes deleted their conversations.
    CHECK(check_of(among(300, 600), "users@25%").verdict == Verdict::inconclusive);

    // Pinned probes and deletions go past the machinery: it counts the 100 unpinned ones alone.
    CHECK(
        check_of(among(300, 110, true), "users@25%").detail ==
        "110 requests, 100 of them this run's own"
    );
    CHECK(check_of(among(300, 100, true), "users@25%").verdict == Verdict::inconclusive);
}

TEST_CASE("stage: a ramp takes the traffic back bit by bit, never up again") {
    World world;
    world.playbook.stages = {50};
    world.playbook.rollback_ramp = Millis(20);
    world.instruments.bad_at[50] = 60;
    const RunOutcome outcome = world.run();
    check_rolled_back(world, outcome);
    CHECK(world.driver.shares() == std::vector{50, 40, 30, 20, 10, 0});
}

TEST_CASE("stage: a ramp gives the canary nothing that others took from it") {
    World before; // the rollback began
    before.playbook.stages = {50};
    before.playbook.rollback_ramp = Millis(20);
    before.drift_every = Millis(5);
    at_stage(before, 50, [&] { before.driver.serving = World::split(0); });
    check_rolled_back(before, before.run());
    CHECK(before.driver.shares() == std::vector{50});

    World amid; // between two of its steps
    amid.playbook.stages = {50};
    amid.playbook.rollback_ramp = Millis(20);
    amid.instruments.bad_at[50] = 60;
    int reads = 0; // after the first step: its own, then the next one's
    amid.driver.on_read = [&] {
        const bool began = amid.driver.serving == World::split(40);
        if (began && ++reads == 2) {
            amid.driver.serving = World::split(0);
        }
    };
    check_rolled_back(amid, amid.run());
    CHECK(amid.driver.shares() == std::vector{50, 40});
}

TEST_CASE("stage: a signal does not wait for the rest of a ramp") {
    World world;
    world.playbook.stages = {50};
    world.playbook.rollback_ramp = std::chrono::hours(1);
    world.instruments.bad_at[50] = 60;
    world.driver.after_write = [&] {
        if (world.driver.serving.percent_of("canary") == 40) {
            world.stop.request(SIGTERM);
        }
    };
    const RunOutcome outcome = world.run();
    check_rolled_back(world, outcome);
    CHECK(world.driver.shares() == std::vector{50, 40, 0});
}
