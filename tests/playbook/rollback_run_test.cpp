// rollback apply --run: what a dead run left is brought back from its folder alone.
#include "oa_stream/base/file.hpp"

#include "drill/planted_fault.hpp"
#include "drill/rollback_run.hpp"
#include "settings.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

/// What the command does once it has the lock.
RunOutcome rollback_of(World& world) {
    world.driver.crash_at = 0;
    world.instruments.bad_fresh = 0;
    auto session = run::RunSession::resume(world.folder, Redactor{});
    REQUIRE(session.has_value());
    traffic::TrafficState planned;
    planned.wanted = planned.serving = World::split(0);
    const auto plan = make_plan(world.playbook, "fake", world.driver.target(), planned);
    REQUIRE(plan.has_value());
    RunInput input;
    input.plan = &*plan;
    input.driver = &world.driver;
    input.instruments = &world.instruments;
    input.session = &*session;
    input.timing = {.driver_call = Millis(100), .retry_pause = Millis(5)};
    asio::io_context io;
    return test::run_task(io, roll_back_by_journal(std::move(input))).outcome;
}

void check_restored(const World& world, const RunOutcome& outcome) {
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(outcome.verdict == Verdict::pass);
    CHECK(outcome.restored);
    CHECK(world.driver.serving == World::split(0));
    const auto summary = read_journal(world.journal_text());
    REQUIRE(summary.has_value());
    CHECK(summary->ended);
    CHECK_FALSE(summary->torn_tail);
    CHECK_FALSE(summary->needs_rollback());
    CHECK(summary->baseline == World::split(0));
}

/// A small cutover that stays where it goes.
void make_small_cutover(World& world) {
    world.make_cutover();
    world.make_small();
}

/// Dies at one point after the other, and is rolled back each time; how many there were.
int die_and_return(bool failing, const std::function<void(World&, int point)>& arm) {
    return die_everywhere(
        failing,
        [](World& world) {
            world.crash_at_write = 0;
            check_restored(world, rollback_of(world));
        },
        [&](World& world, int point) {
            world.make_cutover();
            arm(world, point);
        }
    );
}

/// The call of the driver after which the journal says that users have moved to 50 %.
constexpr int k_moved = 6;

World& died_at_call(World& world, int call, bool after) {
    make_small_cutover(world);
    world.driver.crash_at = call;
    world.driver.crash_after = after;
    CHECK_THROWS_AS(world.run(), Crash);
    return world;
}

} // namespace

TEST_CASE("take back: after a death at every journal line the traffic is back and verified") {
    for (const bool failing : {false, true}) {
        for (const bool after : {false, true}) {
            CHECK(die_and_return(failing, [&](World& world, int point) {
                      world.crash_at_write = point;
                      world.crash_after_write = after;
                  }) >= 8);
        }
    }
}

TEST_CASE("take back: after a death at every call of the driver the traffic is back and verified") {
    for (const bool failing : {false, true}) {
        for (const bool after : {false, true}) {
            CHECK(die_and_return(failing, [&](World& world, int point) {
                      world.driver.crash_at = point;
                      world.driver.crash_after = after;
                  }) >= 7);
        }
    }
}

TEST_CASE("take back: a line that was cut anywhere is set aside and the sequence goes on") {
    World whole;
    died_at_call(whole, k_moved, true);
    const std::string text = whole.journal_text();
    const auto last = text.rfind('\n', text.size() - 2) + 1;
    for (std::size_t cut = last; cut < text.size(); cut += 7) {
        CAPTURE(cut);
        World world;
        died_at_call(world, k_moved, true);
        const auto file = world.folder / "journal.ndjson";
        const std::string own = read_file(file).value_or("");
        const auto own_last = own.rfind('\n', own.size() - 2) + 1;
        const auto end = std::min(own_last + (cut - last), own.size() - 1);
        std::filesystem::resize_file(file, end);
        check_restored(world, rollback_of(world));
        CHECK(std::filesystem::exists(world.folder / "journal.torn") == (end != own_last));
    }
}

TEST_CASE("take back: twice is as good as once, and writes nothing the second time") {
    World world;
    died_at_call(world, k_moved, true);
    check_restored(world, rollback_of(world));
    const int writes = world.driver.writes_seen;
    check_restored(world, rollback_of(world));
    CHECK(world.driver.writes_seen == writes);
}

TEST_CASE("take back: a fault that is left planted is in the journal's last line as in the exit") {
    World world;
    died_at_call(world, k_moved, true);
    const auto faults = world.folder / "faults";
    REQUIRE(plant_fault(world.folder, faults, "error-rate=0.6").has_value());
    REQUIRE(write_file_atomic(faults, "latency=1s\nerror-rate=0.6\n").has_value());
    const RunOutcome outcome = rollback_of(world);
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK_THAT(world.journal_text(), Catch::Contains("rollback apply FAIL exit 8"));
    CHECK(world.driver.serving == World::split(0));
    REQUIRE(write_file_atomic(faults, "latency=1s\n").has_value());
    check_restored(world, rollback_of(world));
    CHECK_THAT(world.journal_text(), Catch::Contains("rollback apply PASS exit 0"));
}

TEST_CASE("take back: a finished cutover goes back without gates") {
    World world;
    make_small_cutover(world);
    CHECK(world.run().exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(100));
    const int flows = world.instruments.flows;
    check_restored(world, rollback_of(world));
    CHECK(world.instruments.flows == flows);
}

TEST_CASE("take back: what a driver's program calls left out may be anything") {
    World world;
    make_small_cutover(world);
    CHECK(world.run().exit == ExitCode::ok);
    const auto left_out = GENERATE(
        Json::array({5, {{"tag", "old"}}, nullptr, "tag \x1b[31mold"}), Json(5), Json("tag old")
    );
    world.driver.extra = {{"left_out", left_out}};
    const RunOutcome outcome = rollback_of(world);
    check_restored(world, outcome);
    const auto notes = std::ranges::count_if(outcome.notes, [](const std::string& note) {
        return note.starts_with("Left out");
    });
    CHECK(notes == (left_out.is_array() ? 1 : 0));
    if (notes > 0) {
        CHECK(outcome.notes.front() == "Left out, because it is gone: tag \\x1b[31mold.");
    }
}

TEST_CASE("take back: a write of the dead that is still under way finds its etag outdated") {
    World world;
    make_small_cutover(world);
    world.crash_at_write = 4; // the first intent is on disk, its write may have left
    world.crash_after_write = true;
    std::string intent;
    CHECK_THROWS_AS(world.run(), Crash);
    const auto summary = read_journal(world.journal_text());
    REQUIRE(summary.has_value());
    REQUIRE(summary->pending.has_value());
    CHECK(world.driver.writes_seen == 0);
    world.crash_at_write = 0;
    check_restored(world, rollback_of(world));
    CHECK(world.driver.writes_seen == 1); // though the baseline served
    asio::io_context io;
    const auto late = test::run_task(io, world.driver.set(*summary->pending, "1"));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Code::conflict);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("take back: a write of this run that got no answer finds its etag outdated, too") {
    World world;
    make_small_cutover(world);
    world.playbook.driver_limit = Millis(50); // over with the first call
    world.driver.answers[1] = FakeDriver::Answer::hangs;
    const RunOutcome outcome = world.run();
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.applied == std::vector{World::split(0)}); // though the baseline served
    asio::io_context io;
    const auto late = test::run_task(io, world.driver.set(World::split(50), "1"));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Code::conflict);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("take back: a refused write answers for no earlier one: it is tried until one is taken") {
    World world;
    make_small_cutover(world);
    world.playbook.restore_limit = Millis(300);
    world.crash_at_write = 4; // the first intent is on disk, its write may have left
    world.crash_after_write = true;
    CHECK_THROWS_AS(world.run(), Crash);
    world.crash_at_write = 0;
    for (int write = 1; write < 1000; ++write) {
        world.driver.answers[write] = FakeDriver::Answer::refused;
    }
    CHECK(rollback_of(world).exit == ExitCode::rollback_unverified); // though the baseline served
    CHECK(read_journal(world.journal_text())->late); // the next one writes, too
    world.playbook.restore_limit = World().playbook.restore_limit;
    world.driver.answers.clear();
    world.driver.answers[world.driver.writes_seen + 1] = FakeDriver::Answer::refused;
    check_restored(world, rollback_of(world));
    CHECK(world.driver.applied == std::vector{World::split(0)});
}

TEST_CASE("take back: where users missed the baseline that the driver shows, it writes again") {
    for (const bool missed : {true, false}) {
        CAPTURE(missed);
        World world;
        make_small_cutover(world);
        world.instruments.bad_at[50] = 20;
        world.playbook.restore_limit = Millis(300);
        if (missed) {
            world.instruments.canary_answers = [](int) { return true; };
        }
        const RunOutcome outcome = world.run();
        CHECK(outcome.exit == (missed ? ExitCode::rollback_unverified : ExitCode::rolled_back));
        // As a session writes it, which this world has not.
        const Json check{{"id", "rollback.users"}, {"verdict", missed ? "FAIL" : "PASS"}};
        const Json document{{"checks", Json::array({check})}, {"exit_code", missed ? 8 : 7}};
        REQUIRE(write_file_atomic(world.folder / "run.json", dump_json(document)).has_value());
        world.instruments.canary_answers = {};
        const int writes = world.driver.writes_seen;
        check_restored(world, rollback_of(world));
        CHECK(world.driver.writes_seen == writes + (missed ? 1 : 0));
    }
}

TEST_CASE("take back: after a death, a write that came true in part is ours, too") {
    for (const int write : {1, 2}) {
        for (const bool failing : {false, true}) {
            CAPTURE(write);
            CHECK(die_and_return(failing, [&](World& world, int point) {
                      world.driver.answers[write] = FakeDriver::Answer::yes_in_part;
                      world.crash_at_write = point;
                      world.crash_after_write = true;
                  }) >= 8);
        }
    }
}

TEST_CASE("take back: a step of a ramp that came true in part does not end the rollback") {
    World world;
    make_small_cutover(world);
    world.playbook.rollback_ramp = Millis(20);
    world.instruments.bad_at[50] = 20;
    world.playbook.restore_limit = Millis(20000);
    world.driver.answers[2] = FakeDriver::Answer::yes_in_part;
    world.person = [&](run::Steering&) {
        FakeDriver& driver = world.driver;
        if (driver.writes_seen == 2 && driver.away_from == 0) {
            driver.away_from = driver.reads + 1;
            driver.away_to = driver.away_from + 120; // more than the step has time for
        }
    };
    const RunOutcome outcome = world.run();
    INFO(outcome.headline);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("take back: a ramp begins with what serves now, and not where that is unknown") {
    const auto shares_from = [](int live, bool readable) {
        World world;
        died_at_call(world, k_moved, true);
        world.playbook.rollback_ramp = Millis(20);
        world.driver.serving = World::split(live);
        world.driver.applied.clear();
        if (!readable) {
            world.driver.failing_reads = {world.driver.reads + 1};
        }
        check_restored(world, rollback_of(world));
        return world.driver.shares();
    };
    CHECK(shares_from(50, true) == std::vector{40, 30, 20, 10, 0});
    CHECK(shares_from(50, false) == std::vector{0});
    for (const int share : shares_from(0, true)) { // somebody else has restored the baseline
        CHECK(share == 0);
    }
}

TEST_CASE("take back: a journal that is empty or gone leaves the plan and what serves") {
    for (const bool gone : {true, false}) {
        for (const int live : {50, 33}) {
            CAPTURE(gone, live);
            World world;
            make_small_cutover(world);
            world.crash_at_write = 6; // in its second shift
            world.crash_after_write = true;
            CHECK_THROWS_AS(world.run(), Crash);
            world.crash_at_write = 0;
            world.driver.serving = World::split(live);
            const auto journal = world.folder / "journal.ndjson";
            std::filesystem::remove(journal);
            if (!gone) {
                REQUIRE(write_file_atomic(journal, "").has_value());
            }
            const RunOutcome outcome = rollback_of(world);
            INFO(outcome.headline);
            CHECK(outcome.exit == (live == 50 ? ExitCode::ok : ExitCode::rollback_unverified));
            CHECK(world.driver.serving == World::split(live == 50 ? 0 : 33));
        }
    }
}

TEST_CASE("take back: what others set since the run brought everything back is left alone: exit 6"
) {
    World world;
    make_small_cutover(world);
    world.instruments.bad_at[50] = 20;
    CHECK(world.run().exit == ExitCode::rolled_back);
    world.driver.serving = World::split(50); // another cutover
    const int writes = world.driver.writes_seen;
    const RunOutcome outcome = rollback_of(world);
    CHECK(outcome.exit == ExitCode::refused);
    CHECK(world.driver.serving == World::split(50));
    CHECK(world.driver.writes_seen == writes);
}

TEST_CASE("take back: a split that the dead run never wrote is not fought: exit 8, and the way out"
) {
    World world;
    died_at_call(world, k_moved, true);
    world.driver.serving = World::split(77);
    const int writes = world.driver.writes_seen;
    world.playbook.traffic.settings =
        traffic_of("driver: cloud-run, endpoint: \"https://run.example\", project: p, region: r, "
                   "service: lane")
            .settings;
    const RunOutcome outcome = rollback_of(world);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(world.driver.serving == World::split(77));
    CHECK(world.driver.writes_seen == writes);
    REQUIRE_FALSE(outcome.notes.empty());
    CHECK(
        outcome.notes.front() == "By hand: gcloud run services update-traffic lane --project p "
                                 "--region r --to-revisions stable=100"
    );
}

TEST_CASE("take back: what the driver would refuse is not offered to be typed") {
    World world;
    died_at_call(world, k_moved, true);
    world.driver.serving = World::split(77);
    world.driver.preview_error = Error{Code::precondition, "stable is DOWN: it gets no share"};
    world.playbook.traffic.settings =
        traffic_of("driver: haproxy, socket: /run/admin.sock, backend: chat").settings;
    const RunOutcome outcome = rollback_of(world);
    CHECK(outcome.exit == ExitCode::rollback_unverified);
    CHECK(outcome.obstacle == "stable is DOWN: it gets no share");
    CHECK_FALSE(outcome.by_hand_helps());
    for (const std::string& note : outcome.notes) {
        CHECK_FALSE(note.contains("set server"));
    }
}

TEST_CASE("take back: the way out by hand goes through the shipped command-driver example") {
    World world;
    died_at_call(world, k_moved, true);
    world.driver.serving = World::split(77);
    const auto file = world.state / "it's the split.conf";
    REQUIRE(write_file_atomic(world.state / "nginx.pid", fmt::format("{}\n", ::getpid())));
    const std::string set_nginx = fmt::format(
        "OA_STREAM_DRIVER_NGINX=true OA_STREAM_DRIVER_NGINX_PID='{}' "
        "OA_STREAM_DRIVER_SPLIT_FILE='{}' ",
        (world.state / "nginx.pid").string(),
        (world.state / "it'\\''s the split.conf").string()
    );
    const std::string program = OA_SOURCE_DIR "/examples/command-driver/nginx-split";
    REQUIRE(write_file_atomic(
        file, "split_clients \"$request_id\" $oa_revision { 50% canary; * stable; }\n"
    ));
    world.playbook.traffic.settings =
        traffic_of(
            fmt::format("driver: command, read: [\"{0}\", read], set: [\"{0}\", set]", program)
        )
            .settings;
    const RunOutcome outcome = rollback_of(world);
    REQUIRE(outcome.exit == ExitCode::rollback_unverified);
    REQUIRE_FALSE(outcome.notes.empty());
    const std::string typed = outcome.notes.front().substr(std::string("By hand: ").size());
    INFO(typed);
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): a person types it into a shell
    CHECK(std::system(("export " + set_nginx + "; " + typed).c_str()) == 0);
    CHECK(
        read_file(file).value_or("") == "split_clients \"$request_id\" $oa_revision { * stable; }\n"
    );
}

TEST_CASE("take back: a journal that nobody can read leaves the plan") {
    World world;
    died_at_call(world, k_moved, true);
    std::ofstream(world.folder / "journal.ndjson", std::ios::app) << "not a line\n";
    const RunOutcome outcome = rollback_of(world);
    CHECK(outcome.exit == ExitCode::ok);
    CHECK(world.driver.serving == World::split(0));
}

TEST_CASE("rollback: what was requested goes, too, although stable serves") {
    for (const bool restored : {true, false}) {
        CAPTURE(restored);
        World world;
        world.make_cutover();
        world.playbook.kind = Kind::rollback;
        world.playbook.preflight.clear();
        world.playbook.stages.clear();
        world.playbook.stage = {};
        world.playbook.run_gates.clear();
        world.driver.wanted = World::split(25);
        if (!restored) { // users have stable all the time, and yet somebody asks for the canary
            world.driver.on_read = [&] { world.driver.wanted = World::split(25); };
        }
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(outcome.exit == (restored ? ExitCode::ok : ExitCode::rollback_unverified));
        REQUIRE_FALSE(world.driver.applied.empty());
        CHECK(world.driver.shares().front() == 0);
        CHECK(world.driver.wanted.has_value() != restored);
    }
}

TEST_CASE("fault 60: a rollback that is refused is retried until its time is over") {
    World world;
    died_at_call(world, k_moved, true);
    const int next = world.driver.writes_seen + 1;
    world.driver.answers[next] = FakeDriver::Answer::refused;
    world.driver.answers[next + 1] = FakeDriver::Answer::refused;
    check_restored(world, rollback_of(world));
}
