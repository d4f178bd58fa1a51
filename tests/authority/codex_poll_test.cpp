// The codex authority as the lane reads it: without a coroutine that waits.
#include "codex/process/codex_pool.hpp"
#include "codex/running_turn.hpp"
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
    /// A whole turn, and its thread.
    std::pair<Transcript, std::string> read(std::string prompt) {
        const auto turn = polled(std::move(prompt));
        turn->run_to_end();
        return {turn->transcript, turn->turn().thread_id()};
    }
    /// … by a coroutine that waits.
    std::pair<Transcript, std::string> waited(std::string prompt) {
        Transcript transcript = play(ask(std::move(prompt)));
        return {std::move(transcript), last->thread_id()};
    }
};

/// Who polls a turn that no core runs.
struct Reader final : TurnWaker {
    explicit Reader(RunningTurn& turn) : live(turn) {}
    void turn_ready() override {
        EventBatch batch;
        while (!error) {
            const auto some = live.poll(batch, *this);
            if (!some) {
                error = some.error();
            } else if (!*some) {
                return;
            }
        }
    }
    RunningTurn& live;
    std::optional<Error> error{};
};

} // namespace

TEST_CASE("codex, polled: a turn tells what next() tells") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("one");
    turn->run_to_end();
    CHECK(turn->transcript.outcome() == "completed");
    CHECK(turn->transcript.text() == "you said one");
    CHECK(turn->transcript.first<turn::TurnStarted>()->model == "fake-model");
    CHECK(stage.play(ask("two", turn->turn().thread_id())).text() == "you said two");
}

TEST_CASE("codex, polled: what comes at once is told at once") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("flood"); // 4,000 words
    turn->run_to_end();
    CHECK(turn->transcript.text() == std::string(4'000'000, 'f'));
    CHECK(turn->wakes < 1'000);
}

TEST_CASE("codex, polled: a turn of a pool has the id that clients know") {
    PollStage stage;
    stage.authority = make_codex_pool(stage.io.get_executor(), stage.options, 2);
    must(run(stage.io, stage.authority->open()));
    const auto first = stage.polled("stall-after"); // the next one goes to the second child
    const auto turn = stage.polled("one");
    turn->run_to_end();
    CHECK(turn->transcript.outcome() == "completed");
    REQUIRE(turn->transcript.first<turn::TurnStarted>() != nullptr);
    CHECK(turn->transcript.first<turn::TurnStarted>()->thread == turn->turn().thread_id());
}

TEST_CASE("codex: a turn may be silent for as long as who reads it waits") {
    PollStage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    CHECK(run(stage.io, drain_until<turn::PartDelta>(turn.get())).text() == "some");
    for (int i = 0; i < 2; ++i) {
        const auto silent = run(stage.io, turn->next(Clock::now() + Millis(50)));
        REQUIRE_FALSE(silent);
        CHECK(silent.error().code == Code::timeout);
    }
    turn->interrupt();
    CHECK(run(stage.io, drain(turn.get())).outcome() == "interrupted");
}

TEST_CASE("codex: silence behind a call of the client's ends its response") {
    const bool waits = GENERATE(true, false);
    asio::io_context io;
    const auto live = std::make_shared<RunningTurn>(
        io.get_executor(), CodexOptions{}, "thread-1", "model", ApprovalPlace{}, std::nullopt
    );
    live->take_client_calls(waits, {"f"});
    live->bind("turn-1");
    const auto raw = [&](std::string_view method, Json params) {
        params["threadId"] = "thread-1";
        params["turnId"] = "turn-1";
        live->deliver(method, Json::object({{"method", method}, {"params", std::move(params)}}));
    };
    const Json made =
        Json::parse(R"({"item":{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}})"
        );
    raw("rawResponseItem/completed", made);
    CHECK_FALSE(run(io, RunningTurn::wait_silent(live, Millis(0)))); // codex has yet to ask
    live->client_call(Json::parse(R"({"callId":"a","tool":"f","arguments":{}})"), 1);
    CHECK(run(io, RunningTurn::wait_silent(live, Millis(20))));
    CHECK(live->end_response().size() == (waits ? 0 : 1));
    EventBatch transcript;
    Reader reader(*live);
    REQUIRE(must(live->poll(transcript, reader)));
    live->forget_waker();
    CHECK(std::ranges::count_if(transcript, [](const turn::Event& event) {
              return std::holds_alternative<turn::ClientCall>(event);
          }) == 1);
    CHECK_FALSE(run(io, RunningTurn::wait_silent(live, Millis(0))));
    CHECK_FALSE(live->handed_over());
    raw("rawResponse/completed", Json::object());
    CHECK(live->handed_over() == !waits); // it was whole after all
}

TEST_CASE("codex: a turn whose calls nobody answered ends where codex asks the model again") {
    asio::io_context io;
    const auto live = std::make_shared<RunningTurn>(
        io.get_executor(), CodexOptions{}, "thread-1", "model", ApprovalPlace{}, std::nullopt
    );
    live->take_client_calls(false, {"f"});
    live->bind("turn-1");
    const Json again = Json::parse(R"({"method":"error","params":{"threadId":"thread-1",
        "turnId":"turn-1","willRetry":true,"error":{"message":"stream disconnected before completion"}}})"
    );
    live->deliver("error", again);
    CHECK_FALSE(live->handed_over()); // no call is in its way
    live->client_call(Json::parse(R"({"callId":"a","tool":"f","arguments":{}})"), 1);
    CHECK(live->end_response().size() == 1);
    live->deliver("error", again);
    CHECK(live->handed_over());
    Transcript transcript;
    Reader reader(*live);
    REQUIRE(must(live->poll(transcript.events, reader)));
    live->forget_waker();
    REQUIRE(transcript.ended() != nullptr);
    CHECK(transcript.outcome() == "failed");
    CHECK(transcript.ended()->failure->code == turn::FailureCode::turn_failed);
}

TEST_CASE("codex: who polls is told of an end for which the queue has no room") {
    asio::io_context io;
    CodexOptions options;
    options.limits.queue_bytes = 1;
    const auto live = std::make_shared<RunningTurn>(
        io.get_executor(), options, "thread-1", "model", ApprovalPlace{}, std::nullopt
    );
    live->bind("turn-1");
    live->deliver(
        "turn/completed",
        Json::parse(R"({"method":"turn/completed","params":{"threadId":"thread-1",)"
                    R"("turn":{"id":"turn-1","items":[],"status":"completed"}}})")
    );
    REQUIRE(live->ended());
    Reader reader(*live);
    reader.turn_ready();
    live->forget_waker();
    REQUIRE(reader.error);
    CHECK(reader.error->code == Code::too_large);
}

TEST_CASE("codex: a time of day is this machine's where codex is a child of the lane alone") {
    asio::io_context io;
    CodexOptions options;
    for (const auto* url : {"", "unix:/run/codex.sock", "ws://127.0.0.1:4500"}) {
        options.server.url = url;
        const RunningTurn live(
            io.get_executor(), options, "thread-1", "model", ApprovalPlace{}, std::nullopt
        );
        CHECK(live.same_clock == options.server.url.empty());
    }
}

TEST_CASE("codex, polled: an interrupt wakes who polls, and never from within itself") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("stall-after");
    stage.until([&] { return turn->transcript.text() == "some"; });
    const int before = turn->wakes;
    turn->turn().interrupt();
    CHECK(turn->wakes == before);
    turn->run_to_end();
    CHECK(turn->transcript.outcome() == "interrupted");
}

TEST_CASE("codex, polled: a turn that was dropped wakes nobody, and its end is the child's") {
    PollStage stage;
    stage.opened();
    const auto turn = stage.polled("stall-after");
    stage.until([&] { return turn->transcript.text() == "some"; });
    const std::string thread = turn->turn().thread_id();
    const int before = turn->wakes;
    turn->drop();
    CHECK(stage.play(ask("next", thread)).text() == "you said next");
    run(stage.io, [](Millis time) -> Task<void> { (void)co_await sleep_for(time); }(Millis(300)));
    CHECK(turn->wakes == before);
    CHECK(turn->transcript.ended() == nullptr);
    CHECK_FALSE(turn->transcript.error);
}
