// What the retired cutover and canary scripts got wrong, and a property that no order of events may
// break.
#include "oa_stream/base/file.hpp"

#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <random>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

std::ptrdiff_t place(const RunOutcome& outcome, std::string_view id) {
    const auto found = std::ranges::find(outcome.checks, id, &Check::id);
    INFO("check " << id);
    REQUIRE(found != outcome.checks.end());
    return found - outcome.checks.begin();
}

} // namespace

TEST_CASE("fault 26: smoke, shift, judge, shift, …, smoke: never two smokes with nothing between") {
    World world;
    const RunOutcome outcome = world.run();
    const std::vector<std::string_view> order{
        "preflight.canary.happy",
        "shift@5%",
        "gate.error-rate@5%",
        "shift@25%",
        "gate.error-rate@25%",
        "shift@100%",
        "gate.error-rate@100%",
        "postflight.users.happy"
    };
    for (std::size_t i = 1; i < order.size(); ++i) {
        CHECK(place(outcome, order[i - 1]) < place(outcome, order[i]));
    }
}

TEST_CASE("fault 27: the canary is judged by its own door before it has a share, then in the mix") {
    World world;
    const RunOutcome outcome = world.run();
    CHECK(place(outcome, "preflight.canary.happy") < place(outcome, "shift@5%"));
    CHECK(outcome.stages.front().name == "0%");
    CHECK(outcome.stages.front().canary.size() == 100);
    for (const auto& row : outcome.stages) {
        CHECK_FALSE(row.canary.empty());
        CHECK_FALSE(row.observed.empty());
    }
}

TEST_CASE("fault 28: a cutover ends at the split it promised, seen serving") {
    World world;
    world.make_cutover();
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(100));
    CHECK_FALSE(outcome.restore.has_value());
    CHECK(
        outcome.checks[static_cast<std::size_t>(place(outcome, "traffic@100%"))].verdict ==
        Verdict::pass
    );
}

TEST_CASE("faults 29 and 36: one switch for every mutation: a dry run writes nothing at all") {
    for (const bool cutover : {false, true}) {
        World world;
        if (cutover) {
            world.make_cutover();
        }
        world.mode = RunMode::rehearse;
        CHECK(world.run().exit == ExitCode::ok);
        CHECK(world.driver.writes_seen == 0);
        CHECK_FALSE(world.driver.previews.empty());
    }
}

TEST_CASE("fault 30: a stage with too few samples is not passed, however long it was held") {
    World world;
    world.instruments.per_flow = 10;
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK(outcome.stages.size() == 1);
    CHECK(world.driver.writes_seen == 0);
}

TEST_CASE("fault 32: what was not run is no pass, and what was required may not be left out") {
    World world;
    world.instruments.smokes["preflight.stable"] = Verdict::skipped;
    CHECK(world.run().exit == ExitCode::inconclusive);
    CHECK(world.driver.writes_seen == 0);
}

TEST_CASE("fault 34: evidence that could not be written is an error") {
    World world;
    world.instruments.on_stage = [&](int percent) {
        if (percent == 0) { // where samples are to go, a file is in the way
            std::filesystem::remove_all(world.folder / "measure");
            std::ofstream(world.folder / "measure") << "x";
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK(outcome.exit != ExitCode::ok);
    (void)place(outcome, "evidence");
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("fault 34: a split whose evidence is lost is not held, and the rollback says why") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::hold;
    run::RunSession* session = nullptr;
    world.prepare = [&](RunInput& input, const asio::any_io_executor&) { session = input.session; };
    world.instruments.on_stage = [&](int percent) {
        if (percent == 25) {
            std::filesystem::remove_all(world.folder / "measure");
            std::ofstream(world.folder / "measure") << "x";
            session->folder().append("measure/lost.ndjson", Json::object());
        }
    };
    const RunOutcome outcome = world.run();
    CHECK(world.driver.shares() == std::vector<int>{5, 25, 0});
    CHECK_FALSE(outcome.held);
    check_rolled_back(world, outcome);
    CHECK(outcome.rollback->reason.starts_with("evidence: evidence could not be written: "));
    CHECK(std::ranges::count(outcome.checks, "evidence", &Check::id) == 1);
}

TEST_CASE("faults 35 and 59: after a stage that failed none is begun, and the traffic goes back") {
    for (const int percent : {5, 25, 50}) {
        World world;
        world.instruments.bad_at[percent] = 60;
        const RunOutcome outcome = world.run();
        CHECK(world.driver.most_canary() == percent);
        CHECK(outcome.exit == ExitCode::rolled_back);
        CHECK(world.driver.serving == World::split(0));
    }
}

TEST_CASE("fault 37: every mutation is in the journal before it is made, and its undo is timed") {
    World world;
    world.instruments.bad_at[50] = 60;
    std::size_t intents = 0;
    world.driver.after_write = [&] {
        const std::string text = world.journal_text();
        std::size_t now = 0;
        for (auto at = text.find("\"intent\""); at != std::string::npos;
             at = text.find("\"intent\"", at + 1)) {
            ++now;
        }
        CHECK(now == intents + 1);
        intents = now;
    };
    const RunOutcome outcome = world.run();
    CHECK(intents == 4); // three shifts and the rollback
    CHECK(outcome.rollback->user_visible_s.has_value());
}

TEST_CASE("fault 40: one configuration for every phase, and it is in the evidence") {
    World world;
    world.playbook.target.compat = CompatSpec{"b1", "p1", "1"};
    (void)world.run();
    const auto plan = parse_json(read_file(world.folder / "plan.json").value_or(""));
    REQUIRE(plan.has_value());
    CHECK(dump_json(plan->at("playbook")).find("\"b1\"") != std::string::npos);
}

TEST_CASE("property: whatever fails in whatever order ends at the share it started from") {
    using Answer = FakeDriver::Answer;
    constexpr std::array k_answers{Answer::lost_after, Answer::lost_before, Answer::conflict};
    for (unsigned seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto any = [&](int most) {
            return static_cast<int>(random() % (static_cast<unsigned>(most) + 1U));
        };
        World world;
        world.drift_every = Millis(3);
        const int begins_at = any(1) * 5;
        world.driver.serving = World::split(begins_at);
        world.playbook.stages = {begins_at, 25, 50, 100};
        world.instruments.bad_at[world.playbook.stages[1 + random() % 3U]] = 60;
        for (int faults = any(2); faults > 0; --faults) {
            world.driver.answers[1 + any(5)] = k_answers[random() % k_answers.size()];
        }
        if (any(2) == 0) {
            world.driver.failing_reads.insert(1 + any(12));
        }
        const int signal_at = any(3) == 0 ? world.playbook.stages[random() % 4U] : -1;
        world.instruments.on_stage = [&](int percent) {
            if (percent == signal_at) {
                world.stop.request(SIGINT);
            }
        };
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(outcome.exit != ExitCode::ok);
        CHECK(world.driver.serving.percent_of("canary") <= begins_at);
    }
}
