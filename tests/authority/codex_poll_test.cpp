// The codex authority as the lane reads it: without a coroutine that waits.
#include "codex/process/codex_pool.hpp"
#include "fake_stage.hpp"
#include "polled.hpp"

using namespace oa_test;

namespace {

struct PollStage : FakeStage {
    std::unique_ptr<Polled> polled(std::string prompt) {
        auto turn = std::make_unique<Polled>(io, must(start(ask(std::move(prompt)))));
        turn->look();
        return turn;
    }
};

} // namespace

TEST_CASE("codex, polled: a turn tells what next() tells") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("one");
    turn->run_to_end();
    CHECK(turn->told.outcome() == "completed");
    CHECK(turn->told.text() == "you said one");
    CHECK(turn->told.first<turn::TurnStarted>()->model == "fake-model");
    CHECK(stage.play(ask("two", turn->turn().thread_id())).text() == "you said two");
}

TEST_CASE("codex, polled: what comes at once is told at once") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("flood"); // 4,000 words
    turn->run_to_end();
    CHECK(turn->told.text() == std::string(4'000'000, 'f'));
    CHECK(turn->wakes < 1'000);
}

TEST_CASE("codex, polled: a turn of a pool has the id that clients know") {
    PollStage stage;
    stage.authority = make_codex_pool(stage.io.get_executor(), stage.options, 2);
    must(run(stage.io, stage.authority->open()));
    const auto first = stage.polled("stall-after"); // the next one goes to the second child
    const auto turn = stage.polled("one");
    turn->run_to_end();
    CHECK(turn->told.outcome() == "completed");
    REQUIRE(turn->told.first<turn::TurnStarted>() != nullptr);
    CHECK(turn->told.first<turn::TurnStarted>()->thread == turn->turn().thread_id());
}

TEST_CASE("codex, polled: each deadline wakes who polls, and codex is asked to stop") {
    struct Row {
        const char* prompt;
        Millis first_event, idle, turn;
        const char* where;
    };
    constexpr Millis k_long{60'000};
    const auto row = GENERATE_COPY(
        Row{"stall", Millis(60), k_long, k_long, "first_event"},
        Row{"stall-after", k_long, Millis(60), k_long, "idle"},
        Row{"stall-after", k_long, k_long, Millis(60), "turn"}
    );
    CAPTURE(row.where);
    PollStage stage;
    stage.options.deadlines.first_event = row.first_event;
    stage.options.deadlines.idle = row.idle;
    stage.options.deadlines.turn = row.turn;
    stage.opened();
    const auto turn = stage.polled(row.prompt);
    turn->run_to_end();
    CHECK(turn->told.outcome() == "timeout");
    REQUIRE(turn->told.error);
    CHECK(turn->told.error->where == row.where);
    CHECK(stage.play(ask("next", turn->turn().thread_id())).outcome() == "completed");
    CHECK(stage.received("turn/interrupt") == 1);
}

TEST_CASE("codex, polled: an interrupt wakes who polls, and never from within itself") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("stall-after");
    stage.until([&] { return turn->told.text() == "some"; });
    const int before = turn->wakes;
    turn->turn().interrupt();
    CHECK(turn->wakes == before);
    turn->run_to_end();
    CHECK(turn->told.outcome() == "interrupted");
}

TEST_CASE("codex, polled: a turn that was dropped wakes nobody, and its end is the child's") {
    PollStage stage;
    stage.options.deadlines.idle = Millis(200);
    stage.opened();
    const auto turn = stage.polled("stall-after");
    stage.until([&] { return turn->told.text() == "some"; });
    const std::string thread = turn->turn().thread_id();
    const int before = turn->wakes;
    turn->drop();
    CHECK(stage.play(ask("next", thread)).text() == "you said next");
    run(stage.io, [](Millis time) -> Task<void> { (void)co_await sleep_for(time); }(Millis(300)));
    CHECK(turn->wakes == before);
    CHECK(turn->told.ended() == nullptr);
    CHECK_FALSE(turn->told.error);
}
