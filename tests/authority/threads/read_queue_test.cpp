// Who may read a long history, who waits, and for how long.
#include "../fake_stage.hpp"
#include "codex/threads/read_queue.hpp"

using namespace oa_test;

namespace {

struct Readers {
    ReadQueue::Pass enter(std::string owner, Millis patience) {
        return run(io, ReadQueue::enter(&queue, std::move(owner), Clock::now() + patience));
    }
    asio::io_context io{};
    ReadQueue queue{io.get_executor()};
};

} // namespace

TEST_CASE("codex: an owner reads one long history at a time, and all owners two") {
    Readers readers;
    auto ann = readers.enter("ann", Millis(0));
    REQUIRE(ann);
    CHECK_FALSE(readers.enter("ann", Millis(10)));
    auto ben = readers.enter("ben", Millis(0));
    REQUIRE(ben);
    CHECK_FALSE(readers.enter("eve", Millis(10)));
    ben = {};
    CHECK(readers.enter("eve", Millis(0)));
    ann = {};
    CHECK(readers.enter("ann", Millis(0)));
}

TEST_CASE("codex: many reads of one owner let the first of another one in") {
    Readers readers;
    auto first = readers.enter("ann", Millis(0));
    std::vector<std::string> order;
    const auto read = [&](std::string owner) {
        asio::co_spawn(
            readers.io,
            [](Readers* all, std::vector<std::string>* to, std::string who) -> Task<void> {
                const auto pass = co_await ReadQueue::enter(
                    &all->queue, who, Clock::now() + std::chrono::seconds(20)
                );
                to->push_back(who);
                co_await sleep_for(Millis(1));
            }(&readers, &order, std::move(owner)),
            asio::detached
        );
    };
    for (int i = 0; i < 5; ++i) {
        read("ann");
    }
    read("ben");
    asio::steady_timer leaves(readers.io, Millis(20));
    leaves.async_wait([&](const auto&) { first = {}; });
    readers.io.restart();
    readers.io.run();
    CHECK(order == std::vector<std::string>{"ben", "ann", "ann", "ann", "ann", "ann"});
}

TEST_CASE("codex: the history of a reader that has left is not read") {
    FakeStage stage;
    stage.opened();
    stage.play(ask("hello"));
    const std::string thread = stage.last->thread_id();
    TurnsQuery query{.thread = thread, .limit = 1};
    query.reader = {"ann", [] { return true; }};
    const auto page = run(stage.io, stage.authority->turns_page(query));
    REQUIRE_FALSE(page.has_value());
    CHECK(page.error().code == Code::cancelled);
    CHECK(stage.received("thread/turns/list", "\"asc\"") == 0);
}
