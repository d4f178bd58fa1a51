#include "oa_stream/base/file.hpp"

#include "engine/journal.hpp"
#include "stage/live_sample.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <thread>
#include <utility>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

/// Somebody else's split serves once stage 25 % has begun.
void others_write(World& world) {
    world.instruments.on_stage = [&world](int percent) {
        if (percent == 25) {
            world.driver.serving = *traffic::Split::of({{"stable", 90}, {"canary", 10}});
        }
    };
}

void check_ended_rolled_back(const World& world, const RunOutcome& outcome) {
    check_rolled_back(world, outcome);
    CHECK(outcome.rollback->row >= world.playbook.fresh_row);
    const auto summary = read_journal(world.journal_text());
    REQUIRE(summary.has_value());
    CHECK(summary->ended);
    CHECK_FALSE(summary->needs_rollback());
}

} // namespace

TEST_CASE("run: revisions are compared after everything else, a difference sends the traffic back"
) {
    World world;
    world.playbook.shadow = ShadowSpec{};
    SECTION("they say the same") {
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == ExitCode::ok);
        REQUIRE(find_check(outcome, "postflight.shadow.happy") != nullptr);
        CHECK(find_check(outcome, "postflight.shadow.happy")->verdict == Verdict::pass);
    }
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        DYNAMIC_SECTION("they are " << to_string(verdict)) {
            world.instruments.smokes["postflight.shadow"] = verdict;
            const RunOutcome outcome = world.run();
            CHECK(outcome.verdict == verdict);
            CHECK(world.driver.most_canary() == 100);
            check_ended_rolled_back(world, outcome);
        }
    }
}

TEST_CASE("run: every stage passes, the traffic is back where it began, exit 0") {
    World world;
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(outcome.stages.size() == 5);
    CHECK(world.driver.serving == World::split(0));
    CHECK(world.driver.most_canary() == 100);
    REQUIRE(outcome.restore.has_value());
    CHECK(outcome.restore->verified);
    CHECK_FALSE(outcome.rollback.has_value());
    CHECK(find_check(outcome, "split@25%")->verdict == Verdict::pass);
    CHECK(find_check(outcome, "gate.error-rate@run")->verdict == Verdict::pass);
    for (const char* file :
         {"plan.json",
          "journal.ndjson",
          "timeline.ndjson",
          "measure/samples.ndjson",
          "measure/gates.ndjson"}) {
        CHECK(std::filesystem::exists(world.folder / file));
    }
}

TEST_CASE("run: at 100 % the canary is compared with what stable does at the same time") {
    World world;
    const RunOutcome outcome = world.run();
    REQUIRE(outcome.stages.size() == 5);
    CHECK(outcome.stages[3].stable.size() == 100);
    CHECK(outcome.stages[4].stable.size() == 100);
    const auto& gate = outcome.stages[4].gates[1];
    CHECK(gate.reference_n == 100);
    CHECK(gate.reference_window.empty());
}

TEST_CASE("run: a failing gate at any stage ends the run and restores the baseline") {
    for (const int percent : {5, 25, 50, 100}) {
        CAPTURE(percent);
        World world;
        world.instruments.bad_at[percent] = 30;
        const RunOutcome outcome = world.run();
        CHECK(outcome.verdict == Verdict::fail);
        check_ended_rolled_back(world, outcome);
        CHECK(world.driver.most_canary() == percent);
        CHECK(outcome.rollback->fault_s.has_value());
        CHECK(
            find_check(outcome, "gate.error-rate@" + std::to_string(percent) + "%")->verdict ==
            Verdict::fail
        );
        CHECK(outcome.headline.find("rolled back and verified") != std::string::npos);
    }
}

TEST_CASE("run: a slow canary fails the latency gate") {
    World world;
    world.instruments.slow_at[25] = 0.3;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(find_check(outcome, "gate.slow@25%")->verdict == Verdict::fail);
    check_ended_rolled_back(world, outcome);
}

TEST_CASE("run: a failure at 0 % moved nothing, so there is nothing to roll back: exit 1") {
    World world;
    world.instruments.bad_at[0] = 30;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::breach);
    CHECK(world.driver.writes_seen == 0);
    CHECK_FALSE(outcome.rollback.has_value());
    CHECK(outcome.headline.find("no traffic was moved") != std::string::npos);
}

TEST_CASE("run: a smoke that fails before the first stage stops everything: exit 1") {
    World world;
    world.instruments.smokes["preflight.canary"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::breach);
    CHECK(world.driver.writes_seen == 0);
    CHECK(world.instruments.flows == 0);
    CHECK_FALSE(outcome.notes.empty());
}

TEST_CASE("run: a smoke in which nothing live passed is no pass") {
    World world;
    world.instruments.smokes["preflight.canary"] = Verdict::skipped;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.exit == ExitCode::inconclusive);
    CHECK(world.driver.writes_seen == 0);
}

TEST_CASE("run: a postflight that fails rolls back") {
    World world;
    world.instruments.smokes["postflight.users"] = Verdict::fail;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::fail);
    check_ended_rolled_back(world, outcome);
}

TEST_CASE("run: gates that cannot decide get one extension, then the run is INCONCLUSIVE") {
    World world;
    world.instruments.bad_at[25] = 6; // 6 of 100, later 12 of 200: around the limit of 5 %
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    check_ended_rolled_back(world, outcome);
    CHECK(world.instruments.flows == 4); // 0 %, 5 %, and 25 % twice
    CHECK(outcome.stages.back().canary.size() == 200);
    const auto& look = outcome.stages.back().gates[0].look;
    CHECK(look.number == 2);
    CHECK(look.of == 2);
}

TEST_CASE("run: an extension that brings the samples lets the run go on") {
    World world;
    world.instruments.per_flow = 50; // 73 are needed
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(world.instruments.flows == 10);
}

TEST_CASE("run: a signal before any change exits 130 or 143, after one it rolls back") {
    for (const int signal : {SIGINT, SIGTERM}) {
        World world;
        world.stop.request(signal);
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == (signal == SIGINT ? ExitCode::interrupted : ExitCode::terminated));
        CHECK(world.driver.writes_seen == 0);
        CHECK_FALSE(world.stop.mutated());
    }
    World world;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 25) {
            world.stop.request(SIGINT);
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    check_ended_rolled_back(world, outcome);
    CHECK(world.stop.mutated());
    CHECK(outcome.rollback->reason == "interrupted by signal 2");
}

TEST_CASE("run: a signal while the traffic is read a last time rolls back, too") {
    World world;
    world.make_cutover();
    bool last = false;
    world.instruments.on_smoke = [&](const std::string& id) { last = id == "postflight.users"; };
    world.driver.on_read = [&] {
        if (std::exchange(last, false)) {
            world.stop.request(SIGTERM);
        }
    };
    const RunOutcome outcome = world.run();
    check_rolled_back(world, outcome);
    CHECK(check_of(outcome, "interrupted").detail == "signal 15 in the last step");
}

TEST_CASE("run: an answer that got lost is settled by reading, not by writing again") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::lost_after;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.writes_seen == 5); // four shifts and the restore
    CHECK(world.journal_text().find(R"("phase":"ambiguous")") != std::string::npos);
}

TEST_CASE("run: a write that did not happen is written again after reading") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::lost_before;
    world.driver.failing_reads = {3};
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.writes_seen == 6);
}

TEST_CASE("run: a conflict is decided anew from what serves now") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::conflict;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.journal_text().find(R"("phase":"refused")") != std::string::npos);
}

TEST_CASE("run: a refused first shift changes nothing: exit 6") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::refused;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK(outcome.exit == ExitCode::refused);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("run: a refused later shift rolls back") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::refused;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    check_ended_rolled_back(world, outcome);
}

TEST_CASE("run: a driver that hangs is given up and the baseline is restored") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::hangs;
    world.driver.answers[3] = FakeDriver::Answer::hangs;
    world.playbook.driver_limit = Millis(200); // two calls
    world.playbook.restore_limit = Millis(2000);
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    check_ended_rolled_back(world, outcome);
}

TEST_CASE("run: one call that hangs is tried again once reading shows that nothing happened") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::hangs;
    world.playbook.driver_limit = Millis(2000);
    CHECK(world.run().exit == ExitCode::ok);
}

TEST_CASE("run: a yes that never serves is not believed") {
    World world;
    world.driver.answers[2] = FakeDriver::Answer::ignored;
    world.driver.answers[3] = FakeDriver::Answer::ignored;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK(world.driver.serving == World::split(0));
    CHECK(find_check(outcome, "shift@25%")->detail.find("saw canary 5%") != std::string::npos);
}

TEST_CASE("run: somebody else's split is never fought: stop, and page") {
    World world;
    others_write(world);
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(world.driver.serving.percent_of("canary") == 10);
    CHECK(outcome.headline.find("NOT verified") != std::string::npos);
    const auto journal = read_journal(world.journal_text());
    REQUIRE(journal.has_value());
    CHECK(journal->found == "canary 10%, stable 90%"); // what a person reads in `cutover status`
    CHECK(journal->serving == World::split(25)); // no rollback takes the other for ours
}

TEST_CASE("run: an unverified rollback is told once, after what the run went back for") {
    World world;
    others_write(world);
    const RunOutcome outcome = world.run();
    const std::string cause = "traffic@25%: " + find_check(outcome, "traffic@25%")->detail;
    const std::string why = find_check(outcome, "rollback.read-back")->detail;
    CHECK(outcome.headline == cause + "; the rollback is NOT verified: " + why + ".");
}

TEST_CASE("run: users who still fail after the write mean exit 8, whatever the driver says") {
    World world;
    world.instruments.bad_at[25] = 50;
    world.instruments.bad_fresh = 100000;
    const RunOutcome outcome = world.run();
    CHECK(find_check(outcome, "rollback.users")
              ->detail.ends_with("; the last that missed: truncated by stable"));
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(world.driver.serving == World::split(0));
    CHECK_FALSE(outcome.rollback->verified);
    CHECK_FALSE(outcome.rollback->user_visible_s.has_value());
}

TEST_CASE("run: a row that comes by chance while the canary still answers some is no proof") {
    World mixed;
    mixed.instruments.bad_at[25] = 50;
    mixed.instruments.canary_answers = [](int probe) { return probe % 6 == 1; }; // rows of five
    const RunOutcome hidden = mixed.run();
    CHECK(hidden.exit == ExitCode::rollback_unverified);
    CHECK_FALSE(hidden.rollback->verified);
    CHECK(find_check(hidden, "rollback.users")
              ->detail.contains("the last that missed: answered by canary"));
    World late;
    late.instruments.bad_at[25] = 50;
    late.instruments.canary_answers = [](int probe) { return probe <= 4; }; // then it is over
    const RunOutcome over = late.run();
    CHECK(over.exit == ExitCode::rolled_back);
    CHECK(over.rollback->row == 29); // 25 % would give it in 4 tries of 1,000
    // One that an edge took the name from: "answered" alone would not say what it lacks.
    CHECK(missed_text({.outcome = "ok"}) == "answered without the name of a revision");
}

TEST_CASE("run: time in which the process stood still is not the users' time to come back") {
    World world;
    world.instruments.bad_at[25] = 50;
    world.instruments.canary_answers = [&](int probe) {
        if (probe == 2) { // as SIGSTOP, or a machine that sleeps
            std::this_thread::sleep_for(world.playbook.restore_limit + Millis(100));
        }
        return false;
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(outcome.rollback->row == 5);
}

TEST_CASE("run: recovery is counted from the first of the unbroken row") {
    World world;
    world.instruments.bad_at[25] = 50;
    world.instruments.bad_fresh = 3;
    const RunOutcome outcome = world.run();
    CHECK(outcome.rollback->verified);
    CHECK(outcome.rollback->probes == 8);
    CHECK(outcome.rollback->row == 5);
    CHECK(*outcome.rollback->user_visible_s > *outcome.rollback->read_back_s);
}

TEST_CASE("run: in a rollback the canary's share never rises") {
    for (const int percent : {5, 25, 50, 100}) {
        World world;
        world.instruments.bad_at[percent] = 50;
        int before = -1;
        bool rolling = false;
        world.driver.after_write = [&] {
            const int now = world.driver.serving.percent_of("canary");
            rolling = rolling || now < before;
            CHECK((!rolling || now <= before));
            before = now;
        };
        CHECK(world.run().exit == ExitCode::rolled_back);
    }
}

TEST_CASE("run: a full disk refuses the first change, and does not stop a rollback") {
    World early;
    early.journal_full_at = 2; // after the begin line: the first shift's intent
    const RunOutcome refused = early.run();
    CHECK(refused.exit == ExitCode::not_executed);
    CHECK(early.driver.writes_seen == 0);

    World late;
    late.instruments.bad_at[25] = 50;
    late.journal_full_at = 8;
    const RunOutcome outcome = late.run();
    CHECK(late.driver.serving == World::split(0));
    CHECK(outcome.exit == ExitCode::rolled_back);
}

TEST_CASE("run: a split that is not what was asked for fails") {
    World world;
    world.instruments.met_at[50] = 40;
    const RunOutcome outcome = world.run();
    CHECK(find_check(outcome, "split@50%")->verdict == Verdict::fail);
    CHECK(outcome.verdict == Verdict::fail);
}
