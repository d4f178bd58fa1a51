// Pieces of a turn on their way to the store.
#include "shared/turn_journal.hpp"
#include "slow_store.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <deque>

using namespace oa_stream;
using namespace oa_stream::test;
using lane::TurnJournal;
using store::Written;

namespace {

/// What is appended waits until the test answers it.
class HeldStore final : public SlowStore {
public:
    struct Piece {
        std::uint64_t end;
        std::string bytes;
        Sent on_sent;
        Answered done;
        bool read = false;
    };

    explicit HeldStore(const asio::io_context::executor_type& executor) : SlowStore(executor) {
        settings.outage = Millis(60'000);
    }
    void append(const store::Piece& piece, Sent on_sent, Answered done) override {
        pieces.emplace_back(
            piece.end, std::string(piece.bytes), std::move(on_sent), std::move(done), piece.read
        );
    }
    Task<Result<Written>> end(store::EndRequest request) override {
        ended.push_back(std::move(request));
        if (!holds_end) {
            co_return Written::stored;
        }
        (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return end_answer;
    }
    Task<Result<void>> drop_log(std::string) override {
        ++dropped;
        co_return Result<void>{};
    }
    const store::StoreOptions& options() const noexcept override { return settings; }

    void send(std::size_t which) { pieces.at(which).on_sent(); }
    void settle(std::size_t which, Result<Written> with) {
        auto& piece = pieces.at(which);
        piece.done(std::move(with), piece.end, piece.bytes.size());
    }

    std::deque<Piece> pieces{};
    std::vector<store::EndRequest> ended{};
    bool holds_end = false; ///< until answer_end()
    Result<Written> end_answer = Written::stored;
    int dropped = 0;
    store::StoreOptions settings{};
};

struct Bench {
    explicit Bench(Millis pause = Millis(0))
        : pace(std::make_shared<lane::WritePace>(io.get_executor(), pause)) {}

    asio::io_context io{};
    HeldStore store{io.get_executor()};
    std::shared_ptr<lane::WritePace> pace;
    std::shared_ptr<TurnJournal> journal =
        std::make_shared<TurnJournal>(pace, store, store::ThreadKey{}, 1, "turn-1");

    void say(std::string_view frames) {
        journal->append(frames, 1U << 20U);
        settle();
    }
    void settle() {
        io.restart();
        io.poll();
    }
    void settle_until(const std::function<bool()>& done) {
        const auto until = Clock::now() + Millis(10'000);
        while (!done() && Clock::now() < until) {
            io.restart();
            io.run_one_for(Millis(50));
        }
        REQUIRE(done());
    }
    void send(std::size_t which) {
        store.send(which);
        settle();
    }
    /// A piece of its own, that has left this process.
    void say_and_send(std::string_view frames) {
        say(frames);
        send(store.pieces.size() - 1);
    }
    void answer(std::size_t which, Result<Written> with) {
        store.settle(which, std::move(with));
        settle();
    }
    void answer_end(Result<Written> with) {
        store.holds_end = false;
        store.end_answer = std::move(with);
        store.gate.cancel();
        settle();
    }
    /// Until `count` pieces were asked for, and exactly as many.
    void expect(std::size_t count) {
        settle_until([&] { return store.pieces.size() >= count; });
        settle();
        REQUIRE(store.pieces.size() == count);
    }
    [[nodiscard]] std::size_t unacked() const { return store.turns.unacked; }
};

Result<Written> away() {
    return fail(Code::unavailable, "the store is away");
}

} // namespace

TEST_CASE("journal: what has readers elsewhere says so, while it has them") {
    Bench bench;
    for (const std::size_t others : {0U, 2U, 0U}) {
        bench.journal->set_others(others);
        bench.say_and_send("a\n\n");
        CHECK(bench.store.pieces.back().read == (others > 0));
    }
}

TEST_CASE("journal: a piece follows one that was sent, and gathers behind one that was not") {
    Bench bench;
    bench.say("a\n\n");
    bench.say("b\n\n");
    bench.say("c\n\n");
    bench.expect(1);
    CHECK(bench.unacked() == 9);
    bench.send(0);
    bench.expect(2); // though nothing is answered yet
    CHECK(bench.store.pieces[1].bytes == "b\n\nc\n\n");
    CHECK(bench.store.pieces[1].end == 9);
    bench.answer(0, Written::stored);
    CHECK(bench.unacked() == 6);
    bench.answer(1, Written::stored);
    CHECK(bench.unacked() == 0);
    CHECK(bench.journal->idle());
    bench.say("d\n\n");
    bench.expect(3);
    CHECK(bench.store.pieces[2].end == 12);
}

TEST_CASE("journal: what is read here alone is written once in a while") {
    constexpr Millis k_pause{60};
    Bench bench(k_pause);
    const auto began = Clock::now();
    bench.say_and_send("a\n\n"); // nothing was written just before
    bench.say("b\n\n");
    bench.say("c\n\n");
    CHECK(bench.store.pieces.size() == 1);
    bench.expect(2);
    CHECK(Clock::now() - began >= k_pause - Millis(10));
    CHECK(bench.store.pieces[1].bytes == "b\n\nc\n\n");
    bench.send(1);
    bench.say("d\n\n");
    bench.expect(3);
    CHECK(Clock::now() - began >= 2 * (k_pause - Millis(10)));
}

TEST_CASE("journal: another pause is that of the next piece") {
    Bench bench(Millis(60'000));
    bench.say_and_send("a\n\n");
    bench.answer(0, Written::stored);
    bench.pace->set_pause(Millis(60));
    const auto began = Clock::now();
    bench.say("b\n\n");
    bench.expect(2);
    CHECK(Clock::now() - began >= Millis(50));
}

TEST_CASE("journal: nothing waits for more once somebody waits for it") {
    Bench bench(Millis(60'000));
    bench.say_and_send("a\n\n");
    bench.say("b\n\n");
    REQUIRE(bench.store.pieces.size() == 1);
    SECTION("a reader elsewhere") {
        bench.journal->set_others(1);
        bench.expect(2);
        bench.send(1);
        bench.say("c\n\n");
        bench.expect(3);
    }
    SECTION("a client that is asked") {
        bench.journal->hurry();
        bench.expect(2);
    }
    SECTION("more than is worth it") {
        bench.say(std::string(16U << 10U, 'x'));
        bench.expect(2);
    }
    SECTION("whoever takes the turn over") {
        std::optional<bool> released;
        spawn(
            bench.io.get_executor(),
            "release",
            [](std::shared_ptr<TurnJournal> journal, auto* out) -> Task<void> {
                *out = co_await TurnJournal::release(std::move(journal), Millis(5'000));
            }(bench.journal, &released)
        );
        bench.settle();
        REQUIRE(bench.store.pieces.size() == 2);
        bench.answer(0, Written::stored);
        bench.answer(1, Written::stored);
        bench.settle_until([&] { return released.has_value(); });
        CHECK(bench.journal->idle());
    }
    SECTION("the end") {
        std::optional<TurnJournal::End> end;
        bench.journal->end("e\n\n", "completed", [&](TurnJournal::End how) { end = how; });
        bench.settle();
        REQUIRE(bench.store.ended.size() == 1);
        CHECK(bench.store.ended[0].bytes == "b\n\ne\n\n");
        CHECK(end == TurnJournal::End::stored);
    }
    if (bench.store.pieces.size() > 1) {
        CHECK(bench.store.pieces[1].bytes.starts_with("b\n\n"));
    }
}

TEST_CASE("journal: turns wait for their pause side by side") {
    constexpr Millis k_pause{60};
    Bench bench(k_pause);
    auto second =
        std::make_shared<TurnJournal>(bench.pace, bench.store, store::ThreadKey{}, 2, "t2");
    auto gone = std::make_shared<TurnJournal>(bench.pace, bench.store, store::ThreadKey{}, 3, "t3");
    for (const auto& journal : {gone, bench.journal, second}) {
        journal->append("a\n\n", 100);
        bench.send(bench.store.pieces.size() - 1);
        journal->append("b\n\n", 100);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        bench.answer(i, Written::stored);
    }
    gone->leave();
    bench.expect(5);
    CHECK(bench.store.pieces[3].end == 6);
    CHECK(bench.store.pieces[4].end == 6);
}

TEST_CASE("journal: with too much under way only turns that have none send a piece") {
    Bench bench;
    bench.store.settings.inflight = 4;
    auto second =
        std::make_shared<TurnJournal>(bench.pace, bench.store, store::ThreadKey{}, 2, "t2");
    bench.say("aaa\n\n");
    bench.send(0);
    bench.say("b\n\n");
    bench.expect(1);
    second->append("c\n\n", 100);
    bench.expect(2);
    bench.answer(1, Written::stored);
    bench.answer(0, Written::stored);
    bench.expect(3);
    CHECK(bench.store.pieces[2].bytes == "b\n\n");
    bench.answer(2, Written::stored);
    CHECK(bench.store.turns.inflight == 0);
}

TEST_CASE("journal: what a store that was away may have is sent again in the same pieces") {
    Bench bench;
    bench.say_and_send("a\n\n");
    bench.say_and_send("b\n\n");
    bench.answer(0, away());
    bench.say("c\n\n");
    bench.answer(1, away());
    bench.expect(3);
    CHECK(bench.store.pieces[2].bytes == "a\n\n");
    bench.send(2);
    bench.expect(4);
    CHECK(bench.store.pieces[3].bytes == "b\n\n");
    bench.send(3);
    bench.expect(5);
    CHECK(bench.store.pieces[4].bytes == "c\n\n");
    CHECK(bench.store.pieces[4].end == 9);
    // The first had been stored by then, which takes a question more to find out.
    bench.answer(3, Written::stored);
    CHECK(bench.unacked() == 9);
    bench.answer(2, Written::stored);
    CHECK(bench.unacked() == 3);
    bench.answer(4, Written::stored);
    CHECK(bench.unacked() == 0);
    CHECK(bench.store.dropped == 0);
}

TEST_CASE("journal: a log with a hole is given up, and only the end is told") {
    Bench bench;
    bench.say_and_send("a\n\n");
    bench.say_and_send("b\n\n");
    bench.answer(0, away());
    bench.answer(1, Written::stored);
    bench.expect(2);
    CHECK(bench.store.dropped == 1);
    CHECK(bench.unacked() == 0);
    std::optional<TurnJournal::End> end;
    bench.journal->end("data: [DONE]\n\n", "completed", [&](TurnJournal::End how) { end = how; });
    bench.settle();
    CHECK(end == TurnJournal::End::stored);
    REQUIRE(bench.store.ended.size() == 1);
    CHECK(bench.store.ended[0].end == 21); // behind whatever the log may hold
}

TEST_CASE("journal: an end goes with what was not sent, behind what has no answer") {
    Bench bench;
    bench.store.holds_end = true;
    std::optional<TurnJournal::End> end;
    bench.say_and_send("a\n\n");
    bench.say("b\n\n");
    bench.say("c\n\n");
    bench.journal->end("e\n\n", "completed", [&](TurnJournal::End how) { end = how; });
    bench.settle();
    REQUIRE(bench.store.ended.size() == 1);
    CHECK(bench.store.ended[0].bytes == "c\n\ne\n\n");
    CHECK(bench.store.ended[0].end == 12);
    CHECK(bench.store.ended[0].behind == 6);
    bench.answer(0, Written::stored);
    CHECK_FALSE(end);
    SECTION("all are stored") {
        bench.answer(1, Written::stored);
        bench.answer_end(Written::stored);
        CHECK(end == TurnJournal::End::stored);
        CHECK(bench.unacked() == 0);
        CHECK(bench.journal->idle());
        bench.expect(2);
    }
    SECTION("another replica writes") {
        bench.answer(1, Written::fenced);
        CHECK(end == TurnJournal::End::fenced);
        bench.answer_end(Written::fenced);
        CHECK(bench.store.turns.fenced.append == 1);
        CHECK(bench.store.turns.fenced.end == 0);
        CHECK(bench.store.ended.size() == 1);
    }
    SECTION("another replica has ended it") {
        bench.answer(1, Written::stored);
        bench.answer_end(Written::fenced);
        CHECK(end == TurnJournal::End::fenced);
        CHECK(bench.store.turns.fenced.end == 1);
    }
    SECTION("the store was full: the end alone is told") {
        bench.answer(1, Written::full);
        CHECK_FALSE(end);
        bench.answer_end(Written::hole);
        CHECK(end == TurnJournal::End::stored);
        REQUIRE(bench.store.ended.size() == 2);
        CHECK(bench.store.ended[1].bytes == "e\n\n");
        CHECK(bench.store.ended[1].end == 10); // behind whatever the log may hold
        CHECK(bench.store.dropped == 1);
    }
    SECTION("the store is away: readers are told, and all is tried again") {
        bench.answer(1, away());
        bench.answer_end(away());
        CHECK(end == TurnJournal::End::late);
        CHECK(bench.store.turns.unsettled == 1);
        bench.expect(3);
        CHECK(bench.store.pieces[2].bytes == "b\n\n");
        bench.send(2);
        bench.expect(4);
        CHECK(bench.store.pieces[3].bytes == "c\n\n");
        bench.answer(2, Written::stored);
        bench.answer(3, Written::stored);
        REQUIRE(bench.store.ended.size() == 2);
        CHECK(bench.store.ended[1].bytes == "e\n\n");
        CHECK_FALSE(bench.store.ended[1].behind);
    }
    SECTION("what it goes behind is not there after all: it waits for every answer") {
        bench.answer_end(Written::hole);
        CHECK_FALSE(end);
        bench.send(1);
        bench.expect(3);
        bench.answer(1, Written::stored);
        CHECK(bench.store.ended.size() == 1);
        bench.answer(2, Written::stored);
        CHECK(bench.store.ended.size() == 2);
        CHECK(end == TurnJournal::End::stored);
    }
}

TEST_CASE("journal: the end of a turn that another replica took while the store was away is settled"
) {
    Bench bench;
    std::optional<TurnJournal::End> end;
    bench.say_and_send("a\n\n");
    bench.answer(0, away());
    bench.journal->end("e\n\n", "completed", [&](TurnJournal::End how) { end = how; });
    bench.expect(2);
    bench.answer(1, away());
    CHECK(end == TurnJournal::End::late);
    CHECK(bench.journal->unsettled());
    bench.expect(3);
    bench.answer(2, Written::fenced);
    CHECK_FALSE(bench.journal->unsettled());
    CHECK(bench.journal->idle());
    CHECK(bench.store.turns.fenced.append == 1);
    CHECK(bench.store.ended.empty());
}

TEST_CASE("journal: an end waits while a store that was away is tried again") {
    Bench bench;
    std::optional<TurnJournal::End> end;
    bench.say_and_send("a\n\n");
    bench.answer(0, away());
    bench.journal->end("e\n\n", "completed", [&](TurnJournal::End how) { end = how; });
    bench.settle();
    CHECK(bench.store.ended.empty());
    bench.expect(2);
    CHECK(bench.store.pieces[1].bytes == "a\n\n"); // by itself: the store may have it
    CHECK(bench.store.ended.empty());
    bench.send(1);
    REQUIRE(bench.store.ended.size() == 1);
    CHECK(bench.store.ended[0].behind == 3);
    CHECK(bench.store.ended[0].end == 6);
}
