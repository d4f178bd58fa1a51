// A child that is alive and of no use: noticed, replaced, and not started for ever at full speed.
#include "codex/health/backoff.hpp"
#include "codex/health/codex_storage.hpp"
#include "fake_stage.hpp"

#include <fmt/chrono.h>

#include <csignal>
#include <ctime>
#include <filesystem>

using namespace oa_test;
namespace fs = std::filesystem;

namespace {

/// The process that the newest "is ready, pid N" names.
int pid_of(const FakeStage& stage) {
    const std::string word = "is ready, pid ";
    return std::stoi(stage.log.substr(stage.log.rfind(word) + word.size()));
}

std::size_t count_of(std::string_view text, std::string_view word) {
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

} // namespace

TEST_CASE("backoff: grows up to its cap, and only a healthy child makes it short again") {
    Backoff backoff(Millis(200), Millis(10'000), Millis(30'000));
    const auto pause = [&](int lived_s) {
        return backoff.next(std::chrono::seconds(lived_s), 0).count();
    };
    CHECK(pause(3'600) == 200); // it was healthy until now
    for (const auto expected : {400, 800, 1'600, 3'200, 6'400, 10'000, 10'000}) {
        CHECK(pause(0) == expected);
    }
    CHECK(backoff.tries() == 8);
    CHECK(pause(29) == 10'000);
    CHECK(pause(30) == 200);
    CHECK(backoff.tries() == 1);
}

TEST_CASE("backoff: chance takes up to a quarter off, and never adds") {
    Backoff early(Millis(1'000), Millis(8'000), Millis(1));
    Backoff late(Millis(1'000), Millis(8'000), Millis(1));
    CHECK(early.next(Millis(0), 0.999) == Millis(751));
    CHECK(early.next(Millis(0), 0.999) == Millis(1'501)); // of the whole pause before
    CHECK(late.next(Millis(0), 0) == Millis(1'000));
}

TEST_CASE("codex: a stopped child is noticed, its turn ends, and the next child serves") {
    FakeStage stage;
    stage.options.deadlines.heartbeat = Millis(50);
    stage.options.deadlines.heartbeat_answer = Millis(300);
    stage.options.deadlines.last_writes = Millis(200);
    stage.opened();
    const int pid = pid_of(stage);
    const auto turn = must(stage.start(ask("stall-after")));
    ::kill(pid, SIGSTOP);
    const auto began = Clock::now();
    const Transcript transcript = run(stage.io, drain(turn.get()));
    CHECK(Clock::now() - began < Millis(2'000));
    CHECK(transcript.outcome() == "unavailable");
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("codex app-server hangs"));
    CHECK(stage.reading("codex_up") == 0);
    CHECK(stage.reading("codex_timeouts_total") == 1);
    CHECK(stage.play(ask("again", turn->thread_id())).text() == "you said again");
    CHECK(pid_of(stage) != pid);
    CHECK(::kill(pid, 0) != 0); // SIGKILL reached it: TERM alone leaves a stopped process
    CHECK(stage.reading("codex_up") == 1);
    CHECK(count_of(stage.log, "hangs") == 1); // one line a restart
}

TEST_CASE("codex: a child that talks is not asked, one that is silent answers and stays") {
    FakeStage stage;
    stage.options.deadlines.heartbeat = Millis(30);
    stage.opened();
    stage.until([&] { return stage.received("thread/loaded/list") >= 3; });
    CHECK(stage.reading("codex_restarts_total") == 0);
    CHECK(stage.reading("codex_timeouts_total") == 0);
}

TEST_CASE("codex: after a long-lived child the pauses grow as well") {
    // The age of the last child that was ready must not make every later pause the first.
    FakeStage stage;
    stage.options.deadlines.backoff_first = Millis(40);
    stage.options.deadlines.stable = Millis(1);
    stage.options.program = stage.folder.path / "codex";
    std::filesystem::create_symlink(OA_FAKE_CODEX, stage.options.program);
    stage.opened();
    run(stage.io, [](Millis time) -> Task<void> { co_await sleep_for(time); }(Millis(50)));
    std::filesystem::remove(stage.options.program);
    const auto began = Clock::now();
    ::kill(pid_of(stage), SIGKILL);
    stage.until([&] { return stage.reading("codex_restarts_total") >= 5; });
    CHECK(Clock::now() - began >= Millis(40 + 80 + 160 + 320 + 640) * 3 / 4);
    CHECK(count_of(stage.log, "cannot start") <= 5);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("cannot start"));
    CHECK_THAT(stage.log, Catch::Contains("signal 9 (KILL)"));
    CHECK_THAT(stage.log, Catch::Contains("start 3 follows in"));
}

TEST_CASE("codex: the reason has the last line of stderr, whole only before any conversation") {
    FakeStage stage;
    stage.options.deadlines.backoff_first = Millis(60'000);
    stage.opened();
    ::kill(pid_of(stage), SIGKILL);
    stage.until([&] { return !stage.authority->health().ready; });
    CHECK_THAT(
        stage.authority->health().reason,
        Catch::Contains("signal 9 (KILL); its last line on stderr: 51 bytes")
    );
}

TEST_CASE("codex storage: a line of stderr counts only where codex says that it could not save") {
    struct Row {
        const char* line;
        const char* cause; ///< nullptr: it says something else
    };
    const auto row = GENERATE(
        Row{"2026-01-01T00:00:00.000000Z ERROR codex_rollout::recorder: rollout writer failed for "
            "/h/r.jsonl; buffered rollout items will be retried: No space left on device (os error "
            "28); error_kind=StorageFull",
            "No space left on device"},
        Row{"2026-01-01T00:00:00.000000Z ERROR codex_core::session: failed to record rollout "
            "items: thread-store internal error: error returned from database: (code: 13) database "
            "or disk is full",
            "database or disk is full"},
        Row{"2026-01-01T00:00:00.000000Z ERROR codex_core::session: failed to record rollout "
            "items: database is locked",
            nullptr},
        Row{"2026-01-01T00:00:00.000000Z ERROR codex_core::client: the user said No space left on "
            "device, ERROR codex_core::session: failed to record rollout items",
            nullptr},
        Row{"No space left on device", nullptr},
        Row{"", nullptr}
    );
    CAPTURE(row.line);
    const auto cause = save_failure_in_stderr(row.line);
    CHECK(cause.has_value() == (row.cause != nullptr));
    if (cause) {
        CHECK(*cause == row.cause);
    }
}

TEST_CASE("codex storage: too little room is said with both numbers, none asked is enough") {
    const auto lacks = lacks_room("/tmp", std::uint64_t{1} << 62U);
    REQUIRE(lacks.has_value());
    CHECK_THAT(*lacks, Catch::Contains(" MiB free, 4398046511104 MiB needed"));
    CHECK_FALSE(lacks_room("/tmp", 1).has_value());
    CHECK_FALSE(lacks_room("/nowhere", 1).has_value());
    CHECK_FALSE(try_writing("/nowhere").has_value());
    CHECK(try_writing("/tmp").has_value());
}

TEST_CASE("codex: with too little room no turn starts and readiness says why") {
    FakeStage stage;
    stage.options.limits.least_free_bytes = std::uint64_t{1} << 62U;
    stage.opened();
    const auto refused = stage.start(ask("one"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unavailable);
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("codex's home is full"));
    CHECK(stage.reading("codex_up") == 0);
}

TEST_CASE("codex: a turn that could not be stored fails, and the child is replaced") {
    FakeStage stage;
    stage.opened();
    const int pid = pid_of(stage);
    const Transcript transcript = stage.play(ask("unsaved"));
    CHECK(transcript.outcome() == "io");
    CHECK_THAT(transcript.error->message, Catch::Contains("No space left on device"));
    const auto refused = stage.start(ask("two"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unavailable);
    CHECK(stage.reading("codex_save_failures_total") == 1);
    stage.until([&] { return stage.authority->health().ready && pid_of(stage) != pid; });
    CHECK(stage.play(ask("three")).outcome() == "completed");
}

TEST_CASE("codex: a thread that cannot be stored fails its own turn and no other") {
    FakeStage stage;
    stage.opened();
    const auto other = must(stage.start(ask("stall-after")));
    const Transcript transcript = stage.play(ask("not-its-file"));
    CHECK(transcript.outcome() == "io");
    CHECK_THAT(transcript.error->message, Catch::Contains("Permission denied (os error 13)"));
    CHECK_THAT(
        stage.log,
        Catch::Contains(fmt::format(
            "codex cannot save thread {}: thread-store internal error: Permission denied",
            stage.last->thread_id()
        ))
    );
    CHECK(stage.reading("codex_save_failures_total") == 1);
    CHECK(stage.play(ask("two")).outcome() == "completed");
    stage.until([&] { return stage.received("thread/turns/list") > 0; }); // for this one
    other->interrupt();
    CHECK(run(stage.io, drain(other.get())).outcome() == "interrupted");
    CHECK(stage.authority->health().ready);
    CHECK(stage.reading("codex_restarts_total") == 0);
}

TEST_CASE("codex: a first turn that history does not have turns readiness red") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.play(ask("forgotten")).outcome() == "completed");
    stage.until([&] { return !stage.authority->health().ready; });
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("is not in its history"));
}

TEST_CASE("codex: what it may not write below its home is named, and it waits for that") {
    const auto deny = [](const fs::path& file) { // also root
        fs::create_directories(file.parent_path());
        fs::create_symlink("/dev/null/nothing", file);
    };
    FakeStage stage;
    const fs::path home = stage.folder.path / "state/codex/home";
    const fs::path history = home / "thread_history_1.sqlite";
    for (const fs::path& file : {history, home / "thread-writer-locks"}) {
        deny(file);
        const auto refused = stage.open();
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::io);
        CHECK(refused.error().where == file.string());
        fs::remove(file);
    }
    deny(home / "state_5.sqlite.copy"); // not a database of codex's
    stage.opened();
    deny(history);
    CHECK(stage.play(ask("forgotten")).outcome() == "completed");
    stage.until([&] {
        return stage.authority->health().reason.contains(
            history.string() + ": codex may not write"
        );
    });
    CHECK_FALSE(stage.authority->health().ready);
    CHECK(stage.reading("codex_restarts_total") == 0);
    fs::remove(history);
    stage.until([&] { return stage.authority->health().ready; });
    CHECK(stage.reading("codex_restarts_total") == 1);
}

TEST_CASE("codex storage: of the folders of conversations today's counts") {
    const Folder folder;
    const std::time_t now = std::time(nullptr);
    std::tm day{};
    ::localtime_r(&now, &day);
    const auto month = folder.path / fmt::format("sessions/{:%Y/%m}", day);
    fs::create_directories(month);
    must(write_file_atomic(month / "00", "no folder")); // nobody may enter it
    CHECK(check_writable(folder.path).has_value());
    const auto today = month / fmt::format("{:%d}", day);
    must(write_file_atomic(today, "no folder"));
    const auto refused = check_writable(folder.path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().where == today.string());
}

TEST_CASE("codex: a first turn that its client deleted or replaced proves nothing") {
    FakeStage stage;
    stage.opened();
    const auto looks = [&] { return stage.received("thread/turns/list"); };
    const auto looks_after = [&](auto what) {
        const auto before = looks();
        what();
        stage.until([&] { return looks() > before; });
    };
    const auto forget = [&] {
        looks_after([&] { CHECK(stage.play(ask("forgotten")).outcome() == "completed"); });
        // Behind the look's answer.
        must(run(stage.io, stage.authority->threads({stage.last->thread_id()})));
    };
    forget();
    looks_after([&] {
        must(run(stage.io, stage.authority->delete_thread(stage.last->thread_id())));
    });
    forget(); // counts as the first one
    looks_after([&] {
        TurnRequest instead = ask("refused", stage.last->thread_id());
        instead.revert_from_turn = stage.last->turn_id();
        CHECK_FALSE(stage.start(std::move(instead)));
    });
    const auto last = looks();
    run(stage.io, sleep_for(Millis(4'500)));
    CHECK(looks() == last);
    CHECK(stage.reading("codex_save_failures_total") == 0);
}
