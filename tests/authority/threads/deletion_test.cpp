// What is deleted while others use threads, and delete them.
#include "../fake_stage.hpp"
#include "codex/codex_history.hpp"

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

} // namespace

TEST_CASE("codex: a thread that is used again after it was listed as unused is kept") {
    Mode mode("old"); // three, and a deletion takes 0.15 s
    ThreadStage stage;
    stage.options.deadlines.keep_threads = Millis(60'000);
    stage.options.deadlines.looks_at_once = true;
    std::vector<std::string> forgotten;
    bool told = false;
    stage.options.forgotten = [&](std::vector<std::string> threads) {
        forgotten = std::move(threads);
        told = true;
    };
    stage.opened();
    stage.until([&] { return stage.deletions("old-1") == 1; });
    CHECK(stage.play(ask("I am back", "old-3")).outcome() == "completed");
    CHECK(stage.deletions("old-3") == 0);
    stage.until([&] { return told; });
    CHECK(forgotten == std::vector<std::string>{"old-1", "old-2"});
    CHECK(stage.deletions("old-3") == 0);
    CHECK(stage.play(ask("and again", "old-3")).outcome() == "completed");
}
