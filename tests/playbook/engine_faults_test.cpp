// Faults of the retired cutover and rollout scripts, by their numbers, each with what happens here.
#include "plan/plan_file.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

Plan plan_of(const Playbook& playbook) {
    traffic::TrafficState live;
    live.wanted = live.serving = World::split(0);
    auto plan = make_plan(playbook, "fake", "fake:one", live);
    REQUIRE(plan.has_value());
    return *std::move(plan);
}

std::ptrdiff_t index_of(const Plan& plan, std::string_view id) {
    const auto found = std::ranges::find(plan.steps, id, &Step::id);
    REQUIRE(found != plan.steps.end());
    return found - plan.steps.begin();
}

bool is_config_error(const Playbook& playbook) {
    const auto got = validate(playbook);
    return !got && got.error().code == Code::config;
}

} // namespace

TEST_CASE("fault 26: smokes stand before the first change and after the last, not both behind it") {
    const World world;
    const Plan plan = plan_of(world.playbook);
    const auto first = std::ranges::find_if(plan.steps, &Step::mutates) - plan.steps.begin();
    CHECK(index_of(plan, "preflight.stable") < first);
    CHECK(index_of(plan, "preflight.canary") < first);
    CHECK(index_of(plan, "postflight.users") > index_of(plan, "shift@100%"));
}

TEST_CASE("fault 27: the canary is smoked and held at 0 % before it has any users") {
    const World world;
    const Plan plan = plan_of(world.playbook);
    CHECK(plan.playbook.preflight[1].through == Through::canary);
    CHECK(index_of(plan, "probe@0%") < index_of(plan, "shift@5%"));
    World broken;
    broken.instruments.bad_at[0] = 30;
    CHECK(broken.run().exit == ExitCode::breach);
    CHECK(broken.driver.writes_seen == 0);
}

TEST_CASE("fault 28: what a cutover has shifted to at its end is what serves") {
    World world;
    world.make_cutover();
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(100));
    CHECK(find_check(outcome, "shift@100%")->verdict == Verdict::pass);
}

TEST_CASE("faults 35 and 59: after a failed stage no larger one follows; the run goes back") {
    World world;
    world.instruments.bad_at[25] = 50;
    CHECK(world.run().exit == ExitCode::rolled_back);
    CHECK(world.driver.shares() == std::vector<int>{5, 25, 0});
}

TEST_CASE("fault 37: each change is in the journal before it is made, and its undo after a failure"
) {
    World world;
    world.instruments.bad_at[50] = 50;
    int intents = 0;
    world.driver.after_write = [&] {
        const std::string text = world.journal_text();
        int now = 0;
        for (auto at = text.find(R"("phase":"intent")"); at != std::string::npos;
             at = text.find(R"("phase":"intent")", at + 1)) {
            ++now;
        }
        CHECK(now == intents + 1);
        intents = now;
    };
    const RunOutcome outcome = world.run();
    CHECK(intents == 4);
    REQUIRE(outcome.rollback.has_value());
    CHECK(outcome.rollback->confirmed_s.has_value()); // the time to recover is measured
}

TEST_CASE("fault 40: the evidence has the one configuration that all phases used") {
    World world;
    (void)world.run();
    CHECK(std::filesystem::file_size(world.folder / "plan.json") > 500);
}

TEST_CASE("faults 58, 62, 63 and 66: stages and revisions are judged before anything is done") {
    World world;
    for (const std::vector<int>& stages :
         {std::vector<int>{5, 25, 25}, {50, 25}, {0, 101}, {-1}, {}}) {
        world.playbook.stages = stages;
        CHECK(is_config_error(world.playbook));
    }
    for (const char* text : {"010", "08", "abc", "+5", "5.0", "", "101", "1e1"}) {
        CAPTURE(text);
        CHECK_FALSE(traffic::parse_percent(text).has_value());
    }
    World same;
    same.playbook.traffic.canary = same.playbook.traffic.stable;
    CHECK(is_config_error(same.playbook));
}

TEST_CASE("fault 61: read back until it equals the request, within a limit") {
    World world;
    world.driver.answers[1] = FakeDriver::Answer::ignored;
    world.driver.answers[2] = FakeDriver::Answer::ignored;
    const RunOutcome outcome = world.run();
    CHECK(find_check(outcome, "shift@5%")->verdict == Verdict::error);
    CHECK(
        find_check(outcome, "shift@5%")->detail.contains("expected canary 5%, stable 95% to serve")
    );
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("a rollback wants one write acknowledged, whatever the driver shows") {
    World world;
    world.instruments.bad_at[5] = 50;
    const int lost = GENERATE(1, 3, 1000);
    for (int write = 2; write < 2 + lost; ++write) {
        world.driver.answers[write] = FakeDriver::Answer::lost_after;
    }
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(world.driver.serving == World::split(0));
    CHECK(outcome.exit == (lost < 1000 ? ExitCode::rolled_back : ExitCode::rollback_unverified));
    CHECK(world.driver.writes_seen >= std::min(lost + 2, 4));
}

TEST_CASE("a rollback that is written and may not last is read back and verified") {
    World world;
    world.instruments.bad_at[5] = 50;
    for (int write = 1; write < 500; ++write) {
        world.driver.answers[write] = FakeDriver::Answer::not_kept;
    }
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(world.driver.serving == World::split(0));
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.writes_seen == 2);
}

TEST_CASE("fault 60: a rollback that nobody saw is exit 8, not one more failed row") {
    World world;
    world.instruments.bad_at[25] = 50;
    for (int write = 3; write < 500; ++write) {
        world.driver.answers[write] = FakeDriver::Answer::refused;
    }
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(outcome.headline.contains("NOT verified"));
    CHECK(world.driver.writes_seen > 3); // it was tried more than once
}

// Fault 64: the exact setting
// -----------------------------------------------------------------------------------------

namespace {

/// A setting with a tag beside the split, as Cloud Run has it: set() forgets the tag.
class TaggedDriver final : public traffic::TrafficDriver {
public:
    [[nodiscard]] std::string_view kind() const noexcept override { return "fake"; }
    [[nodiscard]] std::string target() const override { return "fake:tagged"; }
    [[nodiscard]] Task<Result<traffic::TrafficState>> read() override {
        traffic::TrafficState out;
        out.wanted = out.serving = serving;
        out.etag = std::to_string(etag);
        out.exact = exact;
        co_return out;
    }
    [[nodiscard]] Task<Result<void>> preview(traffic::Split) override { co_return Result<void>{}; }
    [[nodiscard]] Task<Result<void>> set(traffic::Split target, std::string) override {
        serving = std::move(target);
        exact = {{"split", serving.to_json()}};
        ++etag;
        co_return Result<void>{};
    }
    [[nodiscard]] Task<Result<void>>
    restore(traffic::Split target, Json whole, std::string etag_then) override {
        ++restores;
        if (forgets) {
            co_return co_await set(std::move(target), std::move(etag_then));
        }
        serving = std::move(target);
        exact = std::move(whole);
        ++etag;
        co_return Result<void>{};
    }
    [[nodiscard]] Task<Result<traffic::TrafficState>>
    verify(traffic::Split target, Millis limit) override {
        return traffic::poll_until(*this, std::move(target), limit, Millis(5));
    }
    [[nodiscard]] bool splits_exactly() const noexcept override { return true; }
    [[nodiscard]] Result<traffic::ArmAddress> address(std::string_view) const override {
        return traffic::ArmAddress{};
    }

    traffic::Split serving = World::split(0);
    Json exact = {{"split", World::split(0).to_json()}, {"tag", "blue"}};
    bool forgets = false;
    int restores = 0;
    int etag = 1;
};

RunOutcome run_with(TaggedDriver& driver) {
    World world;
    world.instruments.bad_at[25] = 50;
    auto session = run::RunSession::begin(world.state, {.kind = run::RunKind::cutover}, Redactor{});
    REQUIRE(session.has_value());
    traffic::TrafficState live;
    live.wanted = live.serving = driver.serving;
    live.exact = driver.exact;
    const auto plan = make_plan(world.playbook, "fake", driver.target(), live);
    REQUIRE(plan.has_value());
    RunInput input;
    input.plan = &*plan;
    input.driver = &driver;
    input.instruments = &world.instruments;
    input.session = &*session;
    input.timing = {.tick = Millis(1), .in_flight = Millis(10), .retry_pause = Millis(5)};
    asio::io_context io;
    return test::run_task(io, run_plan(std::move(input)));
}

} // namespace

TEST_CASE("routes are not begun without evidence, and undone with the traffic") {
    struct Case {
        bool before; ///< the evidence is lost before the routes are set, or meanwhile
        bool undoes; ///< their undo is verified
        std::vector<std::string> done;
    };
    for (const Case& one :
         {Case{true, true, {}},
          Case{false, true, {"set", "undo at 0%"}},
          Case{false, false, {"set", "undo at 0%"}}}) {
        CAPTURE(one.before, one.undoes);
        World world;
        world.make_cutover();
        std::vector<std::string> done;
        run::RunSession* session = nullptr;
        const auto lose = [&] { // where samples are to go, a file is in the way
            std::filesystem::remove_all(world.folder / "measure");
            std::ofstream(world.folder / "measure") << "x";
            session->folder().append("measure/lost.ndjson", Json::object());
        };
        world.instruments.on_smoke = [&](const std::string& id) {
            if (one.before && id == "postflight.users") {
                lose();
            }
        };
        world.prepare = [&](RunInput& input, const asio::any_io_executor&) {
            session = input.session;
            input.last = [&](Journal*) -> Task<LastStep> {
                done.emplace_back("set");
                lose();
                co_return LastStep{
                    .checks = {make_check("routes.set", Verdict::pass, "as asked")}, .mutated = true
                };
            };
            input.undo_last = [&](Journal*) -> Task<LastStep> {
                done.push_back(fmt::format("undo at {}%", world.driver.shares().back()));
                const Verdict verdict = one.undoes ? Verdict::pass : Verdict::fail;
                co_return LastStep{
                    .checks = {make_check("rollback.routes", verdict, "looked at again")},
                    .mutated = true,
                    .routes_unverified = !one.undoes
                };
            };
        };
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(done == one.done);
        CHECK(world.driver.serving == World::split(0));
        CHECK(outcome.exit == (one.undoes ? ExitCode::rolled_back : ExitCode::rollback_unverified));
    }
}

TEST_CASE("fault 64: what comes back is the exact setting, tags and all, not just a percentage") {
    TaggedDriver driver;
    const Json before = driver.exact;
    CHECK(run_with(driver).exit == ExitCode::rolled_back);
    CHECK(driver.exact == before);
    CHECK(driver.restores == 1);
}

TEST_CASE("fault 64: a split that is back without its setting is not verified: exit 8") {
    TaggedDriver driver;
    driver.forgets = true;
    const RunOutcome outcome = run_with(driver);
    CHECK(driver.serving == World::split(0));
    CHECK(outcome.exit == ExitCode::rollback_unverified);
}

// Any failure, in any order of events
// -------------------------------------------------------------------------------

TEST_CASE("property: any failure in any order of events ends at or below the share it started from"
) {
    std::uint32_t state = 20260222;
    const auto pick = [&](std::uint32_t below) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8U) % below;
    };
    constexpr std::array k_answers{
        FakeDriver::Answer::good,
        FakeDriver::Answer::lost_after,
        FakeDriver::Answer::lost_before,
        FakeDriver::Answer::conflict,
        FakeDriver::Answer::refused,
        FakeDriver::Answer::ignored,
    };
    constexpr std::array k_stages{0, 5, 25, 50, 100};
    int moved = 0;
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        World world;
        world.playbook.driver_limit = Millis(800); // a busy machine's disk takes its time
        world.playbook.restore_limit = Millis(1600); // for the journal, several times a call
        world.instruments.per_flow = 40;
        for (int write = 1; write <= 8; ++write) {
            // The last ones are well: the property is about decisions, not about dead machinery.
            world.driver.answers[write] =
                pick(2) == 0 ? FakeDriver::Answer::good : k_answers[pick(k_answers.size())];
        }
        for (int i = 0; i < 3; ++i) {
            world.driver.failing_reads.insert(static_cast<int>(pick(30)) + 1);
        }
        const int bad_stage = k_stages[pick(k_stages.size())];
        world.instruments.bad_at[bad_stage] = 40;
        if (pick(3) == 0) {
            const int stop_stage = k_stages[pick(k_stages.size())];
            world.instruments.on_stage = [&world, stop_stage](int percent) {
                if (percent == stop_stage) {
                    world.stop.request(2);
                }
            };
        }
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(outcome.exit != ExitCode::ok);
        CHECK(world.driver.serving.percent_of("canary") == 0);
        const auto reached = world.driver.shares();
        CHECK(std::ranges::all_of(reached, [&](int share) { return share <= bad_stage; }));
        moved += std::ranges::any_of(reached, [](int share) { return share > 0; }) ? 1 : 0;
    }
    CHECK(moved > 10); // about half of them
}
