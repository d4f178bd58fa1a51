// Several codex children as one authority: where a thread is, and who gets a new one.
#include "codex/process/codex_pool.hpp"
#include "fake_stage.hpp"

using namespace oa_test;

namespace {

struct PoolStage : FakeStage {
    explicit PoolStage(std::size_t children) { must(open_pool(children)); }

    Result<void> open_pool(std::size_t children) {
        authority = make_codex_pool(io.get_executor(), options, children);
        return run(io, authority->open());
    }
    void end() {
        last.reset();
        run(io, authority->close(Millis(2'000)));
        authority.reset();
    }
    /// A thread of that child that nobody used for an hour.
    void leave_thread(const std::string& child) {
        const auto place = folder_path(child) / "home/sessions";
        std::filesystem::create_directories(place);
        must(write_file_atomic(place / "rollout-x.jsonl", "{}\n"));
        using FileClock = std::filesystem::file_time_type::clock;
        last_write_time(place / "rollout-x.jsonl", FileClock::now() - std::chrono::hours(1));
    }
    /// A turn that runs until it is dropped.
    std::unique_ptr<Turn> hang() { return must(start(ask("stall-after"))); }
    /// How often the child in that folder of state/codex was asked this.
    std::size_t asked(const std::string& folder, std::string_view method, std::string_view text) {
        const auto all =
            read_file(folder_path(folder) / "home/received.jsonl").value_or(std::string());
        std::size_t count = 0;
        for (std::size_t at = 0; at < all.size();) {
            const auto end = std::min(all.find('\n', at), all.size());
            const auto line = std::string_view(all).substr(at, end - at);
            count += line.contains(fmt::format("\"method\":\"{}\"", method)) && line.contains(text);
            at = end + 1;
        }
        return count;
    }
    [[nodiscard]] std::filesystem::path folder_path(const std::string& child) const {
        return folder.path / "state/codex" / child;
    }
};

} // namespace

TEST_CASE("codex pool: a thread's id says which child has it") {
    struct Row {
        const char* thread;
        std::size_t child;
        const char* id;
    };
    const auto row = GENERATE(
        Row{"0199a1b2-aaaa-7bbb-8ccc-0123456789ab", 0, "0199a1b2-aaaa-7bbb-8ccc-0123456789ab"},
        Row{"1_0199a1b2-aaaa", 1, "0199a1b2-aaaa"},
        Row{"12_x_y", 12, "x_y"},
        Row{"0_x", 0, "0_x"},
        Row{"thread_1", 0, "thread_1"},
        Row{"1234_x", 0, "1234_x"},
        Row{"", 0, ""}
    );
    CAPTURE(row.thread);
    CHECK(CodexPool::pin_of(row.thread) == ThreadPin{row.child, row.id});
    CHECK(CodexPool::pinned(row.child, row.id) == row.thread);
}

TEST_CASE("codex pool: new threads go to the child with the fewest turns, ephemeral ones too") {
    PoolStage stage(2);
    std::vector<std::unique_ptr<Turn>> turns;
    std::array<int, 2> made{};
    for (int i = 0; i < 6; ++i) {
        if (i % 2 == 0) {
            turns.push_back(stage.hang());
        } else {
            auto request = ask("stall-after");
            request.ephemeral = true;
            turns.push_back(must(stage.start(std::move(request))));
        }
        ++made.at(CodexPool::pin_of(turns.back()->thread_id()).child);
    }
    CHECK(made == std::array{3, 3});
    // Both of the next two go where turns have ended.
    std::erase_if(turns, [](const auto& turn) {
        return CodexPool::pin_of(turn->thread_id()).child == 1;
    });
    for (int i = 0; i < 2; ++i) {
        turns.push_back(stage.hang());
        CHECK(CodexPool::pin_of(turns.back()->thread_id()).child == 1);
    }
}

TEST_CASE("codex pool: with no turn running, new threads still spread") {
    PoolStage stage(3);
    std::array<int, 3> made{};
    for (int i = 0; i < 6; ++i) {
        CHECK(stage.play(ask("hello")).outcome() == "completed");
        ++made.at(CodexPool::pin_of(stage.last->thread_id()).child);
        stage.last.reset();
    }
    CHECK(made == std::array{2, 2, 2});
}

TEST_CASE("codex pool: a thread's turns go to its child, under the pool's name for it") {
    PoolStage stage(2);
    std::array<std::string, 2> threads;
    for (auto& thread : threads) {
        const Transcript transcript = stage.play(ask("hello"));
        thread = stage.last->thread_id();
        REQUIRE(transcript.first<turn::TurnStarted>() != nullptr);
        CHECK(transcript.first<turn::TurnStarted>()->thread == thread);
    }
    REQUIRE(threads[0] != threads[1]);
    for (const auto& thread : threads) {
        for (int i = 0; i < 2; ++i) {
            CHECK(stage.play(ask("again", thread)).text() == "you said again");
            CHECK(stage.last->thread_id() == thread);
        }
        CHECK(must(run(stage.io, stage.authority->turns(thread))).size() == 3);
        const auto pin = CodexPool::pin_of(thread);
        CHECK(stage.asked(pin.child == 0 ? "" : "1", "turn/start", pin.id) == 3);
    }
}

TEST_CASE("codex pool: after a restart of everything each thread is found by the child it had") {
    PoolStage stage(2);
    std::array<std::string, 2> threads;
    for (auto& thread : threads) {
        REQUIRE(stage.play(ask("hello")).outcome() == "completed");
        thread = stage.last->thread_id();
    }
    std::ranges::sort(threads, {}, [](const auto& thread) {
        return CodexPool::pin_of(thread).child;
    });
    CHECK(CodexPool::pin_of(threads[0]).child == 0);
    CHECK(CodexPool::pin_of(threads[1]).child == 1);
    stage.end();
    const auto children = GENERATE(as<std::size_t>(), 1, 2, 3);
    CAPTURE(children);
    must(stage.open_pool(children));
    CHECK(stage.reading("codex_up") == static_cast<double>(children));
    CHECK(stage.play(ask("more", threads[0])).text() == "you said more");
    CHECK(stage.play(ask("more", threads[1])).text() == "you said more");
    CHECK(stage.asked("", "thread/resume", CodexPool::pin_of(threads[0]).id) == 1);
    CHECK(stage.asked("1", "thread/resume", CodexPool::pin_of(threads[1]).id) == 1);
    // With fewer children than threads were made by, the missing one was started for its own only.
    CHECK(stage.reading("codex_up") == static_cast<double>(std::max<std::size_t>(children, 2)));
    if (children == 1) {
        stage.play(ask("fresh"));
        CHECK(CodexPool::pin_of(stage.last->thread_id()).child == 0);
    }
}

TEST_CASE("codex pool: a search asks former children that have threads") {
    PoolStage stage(3);
    stage.end();
    stage.leave_thread("2");
    stage.options.deadlines.keep_threads = Millis(60'000);
    must(stage.open_pool(1));
    CHECK(must(run(stage.io, stage.authority->find_threads("", "needle"))).empty());
    CHECK(stage.asked("", "thread/search", "needle") == 1);
    CHECK(stage.asked("1", "thread/search", "needle") == 0);
    CHECK(stage.asked("2", "thread/search", "needle") == 1);
    CHECK(stage.asked("2", "thread/list", "updated_at") == 0); // deletes nothing of it at once
    CHECK(stage.reading("codex_up") == 2);
}

TEST_CASE("codex pool: a former child deletes the threads that nobody used") {
    PoolStage stage(2);
    stage.end();
    stage.leave_thread("1");
    stage.options.deadlines.keep_threads = Millis(200);
    must(stage.open_pool(1));
    stage.until([&] { return stage.asked("1", "thread/list", "updated_at") > 0; });
}

TEST_CASE("codex pool: one child uses the folder and the ids of a lane without a pool") {
    FakeStage before;
    before.opened();
    REQUIRE(before.play(ask("hello")).outcome() == "completed");
    const std::string thread = before.last->thread_id();
    before.last.reset();
    run(before.io, before.authority->close(Millis(2'000)));
    before.authority = make_codex_pool(
        before.io.get_executor(), before.options, GENERATE(as<std::size_t>(), 1, 2)
    );
    must(run(before.io, before.authority->open()));
    CHECK(before.play(ask("more", thread)).text() == "you said more");
    CHECK(before.last->thread_id() == thread);
    CHECK(before.received("thread/resume", thread) == 1);
}

TEST_CASE("codex pool: a thread of a child that never was is not found") {
    PoolStage stage(2);
    const auto refused = stage.start(ask("hello", "7_0199"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::not_found);
    CHECK_FALSE(std::filesystem::exists(stage.folder_path("7")));
    CHECK(run(stage.io, stage.authority->turns("7_0199")).error().code == Code::not_found);
}

TEST_CASE("codex pool: a thread that another child has is not lost") {
    PoolStage stage(2);
    std::ignore = stage.play(ask("hello"));
    const std::string thread = stage.last->thread_id();
    REQUIRE(CodexPool::pin_of(thread).child == 0);
    const std::string elsewhere = CodexPool::pinned(1, thread); // as under each other's numbers
    const auto code_of = [&](const auto& result) {
        REQUIRE_FALSE(result.has_value());
        CHECK(
            result.error().message ==
            "child 0 has a conversation of child 1: are they in each other's place?"
        );
        return result.error().code;
    };
    Authority& pool = *stage.authority;
    CHECK(code_of(run(stage.io, pool.turns(elsewhere))) == Code::unavailable);
    CHECK(code_of(run(stage.io, pool.turns_page({.thread = elsewhere}))) == Code::unavailable);
    CHECK(code_of(run(stage.io, pool.threads({elsewhere}))) == Code::unavailable);
    CHECK(must(run(stage.io, pool.threads({"1_gone"}))).empty());
    const auto gone = run(stage.io, pool.turns("1_gone"));
    CHECK((gone ? Code{} : gone.error().code) == Code::not_found);
}

TEST_CASE("codex pool: while a child is down it is ready, says which is not, and avoids it") {
    FakeStage stage;
    stage.options.deadlines.backoff_first = Millis(60'000);
    stage.options.deadlines.restart_wait = Millis(100);
    stage.authority = make_codex_pool(stage.io.get_executor(), stage.options, 2);
    must(run(stage.io, stage.authority->open()));
    CHECK(stage.authority->health().reason.empty());
    CHECK(stage.play(ask("killed")).outcome() == "unavailable");
    const auto dead = CodexPool::pin_of(stage.last->thread_id()).child;
    const std::string thread = stage.last->thread_id();
    const auto health = stage.authority->health();
    CHECK(health.ready);
    CHECK_THAT(health.reason, Catch::Contains(fmt::format("child {}: ", dead)));
    CHECK_FALSE(health.reason.contains(fmt::format("child {}: ", 1 - dead)));
    for (int i = 0; i < 4; ++i) {
        CHECK(stage.play(ask("hello")).outcome() == "completed");
        CHECK(CodexPool::pin_of(stage.last->thread_id()).child == 1 - dead);
    }
    const auto pinned_there = stage.start(ask("hello", thread));
    REQUIRE_FALSE(pinned_there.has_value());
    CHECK(pinned_there.error().code == Code::unavailable);
    CHECK(stage.play(ask("killed")).outcome() == "unavailable");
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(
        stage.authority->health().reason,
        Catch::Contains("child 0: ") && Catch::Contains("child 1: ")
    );
}

TEST_CASE("codex pool: one child's death ends its own turns and nobody else's") {
    PoolStage stage(2);
    std::vector<std::unique_ptr<Turn>> turns;
    for (int i = 0; i < 4; ++i) {
        turns.push_back(stage.hang());
    }
    const auto killer = must(stage.start(ask("killed")));
    const auto dead = CodexPool::pin_of(killer->thread_id()).child;
    CHECK(run(stage.io, drain(killer.get())).outcome() == "unavailable");
    for (const auto& turn : turns) {
        const bool hit = CodexPool::pin_of(turn->thread_id()).child == dead;
        if (!hit) {
            turn->interrupt();
        }
        CHECK(run(stage.io, drain(turn.get())).outcome() == (hit ? "unavailable" : "interrupted"));
    }
    stage.until([&] { return stage.reading("codex_up") == 2; });
    CHECK(stage.reading("codex_restarts_total") == 1);
    CHECK(stage.log.contains(fmt::format("child {}: ", dead)));
}

TEST_CASE("codex pool: what keeps one child from starting is told with its number") {
    FakeStage stage;
    stage.options.folder = stage.folder.path / "state/codex/1";
    const auto other = make_codex_authority(stage.io.get_executor(), stage.options);
    must(run(stage.io, other->open()));
    stage.options.folder.clear();
    stage.authority = make_codex_pool(stage.io.get_executor(), stage.options, 2);
    const auto opened = run(stage.io, stage.authority->open());
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Code::conflict);
    CHECK_THAT(opened.error().text(), Catch::Contains("child 1"));
    run(stage.io, other->close(Millis(2'000)));
}

TEST_CASE("codex pool: closing ends every child and lets go of its folder") {
    PoolStage stage(3);
    const auto turn = stage.hang();
    stage.end();
    must(stage.open_pool(3));
    CHECK(stage.reading("codex_up") == 3);
}

TEST_CASE("codex: threads asked for all at once after a restart are each given their own time") {
    Mode mode("slow-resume"); // 0.1 s a thread, one after the other
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    std::vector<std::shared_ptr<std::optional<std::string>>> texts;
    const auto play = [&stage](std::string thread) -> Task<std::string> {
        auto turn = co_await stage.authority->start(ask("again", std::move(thread)));
        co_return turn ? (co_await drain(turn->get())).text() : turn.error().message;
    };
    for (int i = 0; i < 20; ++i) {
        texts.push_back(std::make_shared<std::optional<std::string>>());
        asio::co_spawn(
            stage.io,
            play(fmt::format("old-{}", i)),
            [kept = texts.back()](const std::exception_ptr&, std::string text) {
                *kept = std::move(text);
            }
        );
    }
    stage.until([&] {
        return std::ranges::all_of(texts, [](const auto& text) { return text->has_value(); });
    });
    for (const auto& text : texts) {
        CHECK(**text == "you said again");
    }
}
