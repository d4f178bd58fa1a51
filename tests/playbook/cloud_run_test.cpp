// Whole cutovers on Cloud Run: what the engine makes of everything the Admin API may answer.
#include "cloud_run_world.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using traffic::testing::Fate;
using traffic::testing::Fault;

namespace {

std::string refusal(int code, std::string_view word) {
    return fmt::format(
        R"({{"error":{{"code":{},"message":"said so","status":"{}"}}}})", code, word
    );
}

std::string all_checks(const RunOutcome& outcome) {
    std::string out = outcome.headline + "\n";
    for (const Check& check : outcome.checks) {
        if (check.verdict != Verdict::pass) {
            out += fmt::format("{} {}: {}\n", to_string(check.verdict), check.id, check.detail);
        }
    }
    return out;
}

/// What serves, what is wanted and what the journal says in the end.
struct Ending {
    ExitCode exit = ExitCode::ok;
    int canary = 0; ///< of what serves; stable has the rest
    int writes = 0; ///< that were sent; -1: any number
    int applied = 0;
};

void check_ending(CloudRunWorld& world, const RunOutcome& outcome, const Ending& want) {
    INFO(all_checks(outcome));
    CHECK(static_cast<int>(outcome.exit) == static_cast<int>(want.exit));
    CHECK(world.fake.model.serving()["canary"] == want.canary);
    CHECK(world.fake.model.serving()["stable"] == 100 - want.canary);
    if (want.writes >= 0) {
        CHECK(world.writes() == want.writes);
        CHECK(world.fake.model.applied() == want.applied);
    }
    CHECK(world.fake.model.violations().empty());
    const auto summary = read_journal(world.journal_text());
    REQUIRE(summary.has_value());
    CHECK(summary->ended);
    CHECK(world.journal_text().find("token-1") == std::string::npos);
}

/// The block that was found is there again, whatever was wanted in between.
void check_block(CloudRunWorld& world, const Json& before) {
    CHECK(world.fake.model.traffic() == before);
}

} // namespace

TEST_CASE("cutover on cloud run: 0, 5, 25, 50, 100 %, each written once, tags kept") {
    CloudRunWorld world;
    world.fake.model.latency = Millis(30);
    const RunOutcome outcome = world.run();
    check_ending(world, outcome, {.exit = ExitCode::ok, .canary = 100, .writes = 4, .applied = 4});
    const Json after = world.fake.model.traffic();
    CHECK(after.at(0).at("tag") == "green");
    CHECK(after.at(0).at("percent") == 100);
    CHECK(after.at(2).at("tag") == "blue");
}

TEST_CASE("cutover on cloud run: fault 64: a failed gate brings the exact block back") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.instruments.bad_at[25] = 60;
    const RunOutcome outcome = world.run();
    check_ending(
        world, outcome, {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 3}
    );
    CHECK(outcome.verdict == Verdict::fail);
    check_block(world, before);
}

TEST_CASE("cutover on cloud run: an unclear answer is looked into, never repeated blindly") {
    struct Row {
        std::string name;
        Fault fault;
    };
    const std::vector<Row> rows{
        {"reset", {.end = Fault::End::drop}},
        {"silence", {.end = Fault::End::hang}},
        {"500", {.status = 500, .body = refusal(500, "INTERNAL")}},
        {"503", {.status = 503, .body = refusal(503, "UNAVAILABLE")}},
        {"504", {.status = 504}},
        {"502 HTML", {.status = 502, .body = "<html>Bad Gateway"}},
        {"garbage", {.status = 200, .body = "<html>It works!"}},
    };
    for (const Row& row : rows) {
        for (const bool applied : {true, false}) {
            CAPTURE(row.name, applied);
            CloudRunWorld world;
            world.fake.model.latency = Millis(20);
            Fault fault = row.fault;
            fault.apply = applied;
            world.nth_write(2, fault);
            // Applied: what was asked for serves, so it goes on. Not applied: the etag is the same,
            // so it is sent again.
            check_ending(
                world,
                world.run(),
                {.exit = ExitCode::ok, .canary = 100, .writes = applied ? 4 : 5, .applied = 4}
            );
        }
    }
}

TEST_CASE("cutover on cloud run: 429 is waited out and nothing is lost") {
    CloudRunWorld world;
    world.fake.model.latency = Millis(100);
    world.playbook.driver_limit = Millis(6000);
    world.nth_write(2, {.status = 429, .headers = {{"retry-after", "2"}}});
    check_ending(
        world, world.run(), {.exit = ExitCode::ok, .canary = 100, .writes = 5, .applied = 4}
    );
}

TEST_CASE("cutover on cloud run: a limit holds whatever the platform asks for") {
    CloudRunWorld world; // 1.5 s for a shift
    world.playbook.restore_limit = Millis(8000);
    world.nth_write(2, {.status = 429, .headers = {{"retry-after", "3600"}}});
    const auto began = Clock::now();
    const RunOutcome outcome = world.run();
    check_ending(
        world, outcome, {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 2}
    );
    CHECK(Clock::now() - began < std::chrono::seconds(12));
}

TEST_CASE("cutover on cloud run: a read that is to wait for an hour does not hold a rollback up") {
    CloudRunWorld world;
    world.playbook.restore_limit = Millis(15'000);
    world.instruments.on_stage = [&](int percent) {
        if (percent == 5) {
            world.fake.faults.push_back(
                {.on = "get", .status = 429, .headers = {{"retry-after", "3600"}}}
            );
        }
    };
    check_ending(world, world.run(), {.exit = ExitCode::rolled_back, .canary = 0, .writes = -1});
}

TEST_CASE("cutover on cloud run: why a rollback could not be written is told, not the wait for it"
) {
    CloudRunWorld world;
    world.playbook.restore_limit = Millis(3000);
    world.instruments.bad_at[5] = 60;
    world.fake.faults.push_back(
        {.on = "patch",
         .skip = 1,
         .times = -1,
         .status = 429,
         .body = refusal(429, "RESOURCE_EXHAUSTED"),
         .headers = {{"retry-after", "2"}}}
    );
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK_THAT(
        check_of(outcome, "rollback.read-back").detail,
        Catch::Contains("HTTP 429 RESOURCE_EXHAUSTED: said so")
    );
    CHECK_THAT(
        outcome.headline,
        Catch::Contains("the rollback is NOT verified: ") && Catch::Contains("HTTP 429")
    );
}

TEST_CASE("cutover on cloud run: reads that fail for a while do not end it") {
    CloudRunWorld world;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 5) {
            world.fake.faults.push_back({.on = "get", .times = 3, .status = 503});
        }
    };
    check_ending(
        world, world.run(), {.exit = ExitCode::ok, .canary = 100, .writes = 4, .applied = 4}
    );
}

TEST_CASE("cutover on cloud run: an operation that takes its time is waited for") {
    CloudRunWorld world;
    world.fake.model.latency = Millis(400);
    check_ending(
        world, world.run(), {.exit = ExitCode::ok, .canary = 100, .writes = 4, .applied = 4}
    );
}

TEST_CASE("cutover on cloud run: a failed operation is reported and the wish itself rolled back") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.fake.model.fates = {Fate::good, Fate::fails};
    const RunOutcome outcome = world.run();
    check_ending(
        world, outcome, {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 3}
    );
    CHECK(all_checks(outcome).find("is not ready and cannot serve traffic") != std::string::npos);
    // "Desired 25, actual 5" would block whoever deploys next.
    check_block(world, before);
}

TEST_CASE("cutover on cloud run: a first write that fails leaves no wish behind, too") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.fake.model.fates = {Fate::fails};
    check_ending(
        world, world.run(), {.exit = ExitCode::rolled_back, .canary = 0, .writes = 2, .applied = 2}
    );
    check_block(world, before);
}

TEST_CASE("cutover on cloud run: an answer lost of a write that failed is no other operator") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.fake.model.fates = {Fate::good, Fate::fails};
    world.nth_write(2, {.apply = true, .end = Fault::End::drop});
    const RunOutcome outcome = world.run();
    check_ending(
        world, outcome, {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 3}
    );
    CHECK(all_checks(outcome).find("was asked for, and") != std::string::npos);
    check_block(world, before);
}

TEST_CASE(
    "cutover on cloud run: \"latest\" that moved on meanwhile is written once and told: exit 8"
) {
    CloudRunWorld world;
    world.fake.model.latest_ready = "stable";
    world.fake.model.operator_sets(
        {{{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}, {"percent", 100}},
         {{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"},
          {"revision", "canary"},
          {"tag", "green"}}}
    );
    world.instruments.bad_at[25] = 60;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 25) {
            world.fake.model.revisions["newer"] = true;
            world.fake.model.latest_ready = "newer";
        }
    };
    const RunOutcome outcome = world.run();
    check_ending(
        world,
        outcome,
        {.exit = ExitCode::rollback_unverified, .canary = 0, .writes = 3, .applied = 3}
    );
    CHECK(world.fake.model.serving()["newer"] == 0);
    CHECK(outcome.differs); // users have the old revision, and that is known
    const auto users = std::ranges::find(outcome.checks, "rollback.users", &Check::id);
    REQUIRE(users != outcome.checks.end());
    CHECK(users->verdict == Verdict::pass);
    CHECK(users->data.at("differs") == true);
    CHECK(users->data.at("users_missed") == false);
    REQUIRE(outcome.rollback);
    CHECK_FALSE(outcome.rollback->verified);
}

TEST_CASE("cutover on cloud run: fault 60: while a write is stuck nothing is written: exit 8") {
    CloudRunWorld world;
    world.fake.model.fates = {Fate::good, Fate::stuck};
    const RunOutcome outcome = world.run();
    check_ending(
        world,
        outcome,
        {.exit = ExitCode::rollback_unverified, .canary = 5, .writes = 2, .applied = 2}
    );
    CHECK(all_checks(outcome).find("still being carried out") != std::string::npos);
}

TEST_CASE("cutover on cloud run: fault 61: weights that came true by half are rolled back") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.fake.model.fates = {Fate::good, Fate::partial};
    check_ending(
        world, world.run(), {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 3}
    );
    check_block(world, before);
}

TEST_CASE("cutover on cloud run: another operator's split is left alone and told: exit 8") {
    CloudRunWorld world;
    world.nth_write(2, {.then_operator = 40});
    const RunOutcome outcome = world.run();
    check_ending(
        world,
        outcome,
        {.exit = ExitCode::rollback_unverified, .canary = 40, .writes = 2, .applied = 1}
    );
    CHECK(all_checks(outcome).find("somebody else changed the traffic") != std::string::npos);
}

TEST_CASE("cutover on cloud run: a token refused for good ends it, asked for no more than needed") {
    CloudRunWorld world;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 5) {
            world.fake.tokens = {"another"};
        }
    };
    const RunOutcome outcome = world.run();
    check_ending(
        world,
        outcome,
        {.exit = ExitCode::rollback_unverified, .canary = 5, .writes = 1, .applied = 1}
    );
    CHECK(all_checks(outcome).find("token was refused") != std::string::npos);
    int refused = 0;
    for (const auto& one : world.fake.seen) {
        refused += one.status == 401 ? 1 : 0;
    }
    CHECK(refused < 20);
}

TEST_CASE("cutover on cloud run: a first write that is not permitted moved nothing: exit 5") {
    CloudRunWorld world;
    world.nth_write(1, {.times = -1, .status = 403, .body = refusal(403, "PERMISSION_DENIED")});
    const RunOutcome outcome = world.run();
    check_ending(
        world, outcome, {.exit = ExitCode::credentials, .canary = 0, .writes = 1, .applied = 0}
    );
    CHECK(all_checks(outcome).find("PERMISSION_DENIED") != std::string::npos);
}

TEST_CASE("cutover on cloud run: a write refused in mid-run is not repeated, the rollback is tried"
) {
    for (const int status : {400, 403, 404}) {
        CAPTURE(status);
        CloudRunWorld world;
        const Json before = world.fake.model.traffic();
        world.nth_write(2, {.status = status, .body = refusal(status, "NO")});
        check_ending(
            world,
            world.run(),
            {.exit = ExitCode::rolled_back, .canary = 0, .writes = 3, .applied = 2}
        );
        check_block(world, before);
    }
}

TEST_CASE("cutover on cloud run: a canary that stops being ready gets no further share") {
    CloudRunWorld world;
    const Json before = world.fake.model.traffic();
    world.instruments.on_stage = [&](int percent) {
        if (percent == 5) {
            world.fake.model.revisions["canary"] = false;
        }
    };
    check_ending(
        world, world.run(), {.exit = ExitCode::rolled_back, .canary = 0, .writes = 2, .applied = 2}
    );
    check_block(world, before);
}
