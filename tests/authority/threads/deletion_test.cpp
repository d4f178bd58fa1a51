// Threads that others use, take over or delete meanwhile.
#include "../fake_stage.hpp"
#include "codex/codex_history.hpp"
#include "codex/health/clock_watch.hpp"

#include <iterator>

using namespace oa_test;

namespace {

struct ThreadStage : FakeStage {
    ThreadStage() {
        options.program = OA_FAKE_THREADS;
        options.env_allow = {"FAKE_MODE", "FAKE_NAME"};
    }
    void erase_soon(std::string thread) {
        asio::co_spawn(io, authority->delete_thread(std::move(thread)), asio::detached);
    }
    std::size_t deletions(std::string_view thread) {
        return received("thread/delete", fmt::format("\"{}\"", thread));
    }
};

/// Deletes unused threads at its start.
struct UnusedStage : ThreadStage {
    UnusedStage() {
        options.deadlines.keep_threads = Millis(60'000);
        options.deadlines.looks_at_once = true;
        options.forgotten = [this](std::vector<std::string> threads) {
            std::ranges::move(threads, std::back_inserter(forgotten));
        };
    }
    std::vector<std::string> forgotten{};
};

} // namespace

TEST_CASE("codex: a thread that is used again after it was listed as unused is kept") {
    Mode mode("old"); // three in a list and one in the next, and a deletion takes 0.15 s
    UnusedStage stage;
    stage.opened();
    stage.until([&] { return stage.deletions("old-1") == 1; });
    CHECK(stage.play(ask("I am back", "old-3")).outcome() == "completed");
    CHECK(stage.deletions("old-3") == 0);
    stage.until([&] { return stage.forgotten.size() == 3; });
    CHECK(stage.forgotten == std::vector<std::string>{"old-1", "old-2", "old-4"});
    CHECK(stage.deletions("old-3") == 0);
    CHECK(stage.play(ask("and again", "old-3")).outcome() == "completed");
}

TEST_CASE("codex: which threads are deleted is told while others still wait for it") {
    Mode mode("old");
    UnusedStage stage;
    stage.opened();
    stage.until([&] { return stage.deletions("old-4") == 1; });
    CHECK(stage.forgotten == std::vector<std::string>{"old-1", "old-2", "old-3"});
    stage.until([&] { return stage.forgotten.size() == 4; });
}

TEST_CASE("codex: a clock that was set is noticed once, in either direction") {
    using Times = ClockWatch::Times;
    constexpr Millis hour{3'600'000};
    ClockWatch clock(Times{hour, 500'000 * hour});
    CHECK_FALSE(clock.was_set({2 * hour, 500'001 * hour + Millis(2'000)})); // slewed
    CHECK(clock.was_set({3 * hour, 500'722 * hour})); // a month ahead
    CHECK_FALSE(clock.was_set({4 * hour, 500'723 * hour}));
    CHECK(clock.was_set({5 * hour, 500'004 * hour})); // and back
    CHECK_FALSE(clock.was_set({50 * hour, 500'049 * hour})); // the machine slept
    CHECK_FALSE(ClockWatch().was_set());
}

TEST_CASE("codex: a thread that waits for its copy's end goes, whatever was deleted meanwhile") {
    Mode mode("forks"); // b is a copy of a, and others were deleted before their copies were
    ::setenv("FAKE_NAME", std::string(k_retired).c_str(), 1);
    ThreadStage stage;
    stage.opened();
    stage.erase_soon("x"); // looks for what waits, before a does
    stage.erase_soon("a");
    stage.until([&] { return stage.deletions("r-5") == 1; });
    run(stage.io, [](Authority* codex) -> Task<void> {
        std::ignore = co_await codex->threads({"b"}); // answered behind the last of them
    }(stage.authority.get()));
    CHECK(stage.received("thread/archive", "\"a\"") == 1);
    must(run(stage.io, stage.authority->delete_thread("b")));
    stage.until([&] { return stage.deletions("a") == 2; });
    ::unsetenv("FAKE_NAME");
}

TEST_CASE("codex: a thread that another client archived waits for its copy's end, too") {
    Mode mode("forks");
    ThreadStage stage;
    stage.opened();
    must(run(stage.io, stage.authority->delete_thread("away")));
    CHECK(stage.received("thread/unarchive", "\"away\"") == 1);
    CHECK(stage.received("thread/archive", "\"away\"") == 1);
    must(run(stage.io, stage.authority->delete_thread("copy")));
    stage.until([&] { return stage.deletions("away") == 2; });
}

TEST_CASE("codex: an archived thread takes the next message, one that waits for its copy's end not"
) {
    Mode mode("forks");
    ::setenv("FAKE_NAME", std::string(k_retired).c_str(), 1);
    ThreadStage stage;
    stage.opened();
    CHECK(stage.play(ask("I am back", "away")).outcome() == "completed");
    CHECK(stage.received("thread/unarchive", "\"away\"") == 1);
    const auto gone = stage.start(ask("I am back", "r-1"));
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == Code::not_found);
    CHECK(stage.received("thread/unarchive") == 1);
    ::unsetenv("FAKE_NAME");
}

TEST_CASE("codex: an archived thread is given a name, one that is not there is not") {
    Mode mode("forks");
    ThreadStage stage;
    stage.opened();
    must(run(stage.io, stage.authority->name_thread("away", "Orders")));
    CHECK(stage.received("thread/unarchive", "\"away\"") == 1);
    CHECK(stage.received("thread/name/set", "\"Orders\"") == 2);
    const auto gone = run(stage.io, stage.authority->name_thread("nowhere", "Orders"));
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == Code::not_found);
    CHECK(stage.received("thread/unarchive") == 1);
}

TEST_CASE("codex: a child that dies over a deletion: the next one is asked once more") {
    Mode mode("dies-on-delete");
    for (const auto& [thread, code] :
         {std::pair("half", Code{}), std::pair("whole", Code::not_found)}) {
        CAPTURE(thread);
        ThreadStage stage;
        stage.opened();
        const auto gone = run(stage.io, stage.authority->delete_thread(thread));
        CHECK((gone ? Code{} : gone.error().code) == code);
        CHECK(stage.deletions(thread) == 2);
    }
}

TEST_CASE("codex: a child that grew too large is not ended under somebody who reads") {
    Mode mode("slow-read"); // 0.7 s, several times as long as until the next look at its size
    ThreadStage stage;
    stage.options.limits.resident_bytes = 1;
    stage.opened();
    const auto read = run(stage.io, stage.authority->threads({"x"}));
    CHECK((read ? "" : read.error().message) == "");
    stage.until([&] { return stage.reading("codex_restarts_total") >= 1; });
}

TEST_CASE("codex: a list that goes on where it is ends there") {
    Mode mode("same-page");
    ThreadStage stage;
    stage.opened();
    CHECK(must(run(stage.io, stage.authority->kept("x"))).empty());
    CHECK(stage.received("thread/attachment/list", "\"x\"") == 2);
    CHECK(must(run(stage.io, stage.authority->turns("x"))).empty()); // an empty page, and so on
    CHECK(stage.received("thread/turns/list") == 1);
}

TEST_CASE("codex: on a thread that went to somebody else nothing refused is asked for again") {
    Mode mode("busy-once");
    for (const char* method : {"thread/revert", "thread/inject_items", "turn/start"}) {
        CAPTURE(method);
        ::setenv("FAKE_NAME", method, 1);
        ThreadStage stage;
        stage.opened();
        TurnRequest late = ask("two", "x");
        late.revert_from_turn = "one";
        late.developer = "be brief";
        late.ours = [&] { return stage.received(method) == 0; };
        const auto refused = stage.start(std::move(late));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::conflict);
        CHECK(stage.received(method) == 1);
        CHECK(stage.play(ask("next", "x")).outcome() == "completed");
        CHECK(stage.received("turn/interrupt") == 0);
    }
    ::unsetenv("FAKE_NAME");
}
