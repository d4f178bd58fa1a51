// A thread takes one turn at a time: what happens to the next one.
#include "lane_rig.hpp"

#include <chrono>

using namespace oa_stream;
using namespace oa_stream::test;
using turn::TerminalClass;

TEST_CASE("next message: with a reader attached it is refused") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    const auto refused = rig.send(rig.post("/api/chats/c1/stream", user_message("again")));
    CHECK(refused.status == 409);
    CHECK(refused.headers.get("retry-after") == "2");
    CHECK(refused.headers.get("x-should-retry") == "false");
    CHECK(parse_json(refused.body)->at("error").at("code") == "turn_in_progress");
    CHECK(rig.authority.starts == 1);
    CHECK(rig.authority.last().interrupts == 0);
    rig.complete(stream);
}

TEST_CASE("next message: it interrupts a turn without readers, waits for its end and starts") {
    LaneRig rig;
    const auto first = rig.chat("c1", "hello");
    first->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    const auto second = rig.chat("c1", "and now?");
    CHECK(second->head.status == 200);
    CHECK(rig.authority.starts == 2);
    CHECK(rig.authority.turns_started[0]->interrupts == 1);
    CHECK(only_turn(rig).terminal == TerminalClass::turn_interrupted);
    CHECK(only_turn(rig).reason == lane::StopReason::superseded);
    // The same thread goes on.
    CHECK(rig.authority.last().request.thread == rig.authority.turns_started[0]->thread);
    rig.authority.last().complete();
    rig.await_legal(second);
}

TEST_CASE("next message: a reader that is just leaving does not make it fail") {
    auto config = LaneRig::quick();
    config.timings.reader_leaving = Millis(3000);
    LaneRig rig(config);
    const auto first = rig.chat("c1", "hello");
    const auto second = rig.open(rig.post("/api/chats/c1/stream", user_message("again")));
    rig.until("a second start waiting", [&] { return rig.lane->busy() == 2; });
    first->leave();
    rig.until("the second stream", [&] { return second->has("start-step"); });
    CHECK(second->head.status == 200);
    rig.complete(second);
}

TEST_CASE("next message: refused as long as it came while the turn was being read") {
    auto config = LaneRig::quick();
    config.timings.reader_leaving = Millis(3000);
    LaneRig rig(config);
    const auto first = rig.chat("c1", "hello");
    const auto second = rig.open(rig.post("/api/chats/c1/stream", user_message("again")));
    rig.until("a second start waiting", [&] { return rig.lane->busy() == 2; });
    rig.complete(first);
    rig.await_end(second);
    CHECK(second->head.status == 409);
    CHECK(rig.authority.starts == 1);
}

TEST_CASE("next message: a turn that does not end in time keeps its thread") {
    auto config = LaneRig::quick();
    config.timings.supersede_wait = Millis(40);
    LaneRig rig(config);
    rig.authority.prepare = [](PlayedTurn& turn) { turn.answers_interrupt = false; };
    const auto first = rig.chat("c1", "hello");
    first->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    CHECK(rig.send(rig.post("/api/chats/c1/stream", user_message("again"))).status == 409);
    CHECK(rig.authority.starts == 1);
}

TEST_CASE("start: a second request racing the first one's start is refused") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto first = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    CHECK(rig.send(rig.post("/api/chats/c1/stream", user_message("two"))).status == 409);
    CHECK(rig.authority.starts == 1);
    rig.authority.release();
    rig.until("the first stream", [&] { return first->has("start-step"); });
    rig.authority.last().complete();
    rig.await_legal(first);
}

TEST_CASE("next message: it waits for a start whose client has left, and takes its place") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto first = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    first->leave();
    rig.await_end(first);
    const auto second = rig.open(rig.post("/api/chats/c1/stream", user_message("two", "u2")));
    rig.context.restart();
    rig.context.run_for(Millis(60)); // longer than a leaving reader is waited for
    CHECK_FALSE(second->ended);
    rig.authority.release();
    rig.until("the second stream", [&] { return second->has("start-step") || second->ended; });
    CHECK(second->head.status == 200);
    CHECK(rig.authority.turns_started[0]->interrupts == 1);
    CHECK(only_turn(rig).reason == lane::StopReason::superseded);
    rig.authority.last().complete();
    rig.await_legal(second);
}

TEST_CASE("start: a client that left meanwhile leaves a turn without readers") {
    auto config = LaneRig::quick();
    config.timings.detach_grace = Millis(40);
    LaneRig rig(config);
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    stream->leave();
    rig.await_end(stream);
    rig.context.restart();
    rig.context.run_for(Millis(200)); // the server sees the closed socket
    rig.authority.release();
    CHECK(only_turn(rig).terminal == TerminalClass::client_gone);
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    CHECK(rig.watcher.requests.front().status == 499);
    CHECK(rig.watcher.readers == 0);
}

TEST_CASE("start: a page that was reloaded meanwhile resumes its turn once that is accepted") {
    const bool accepted = GENERATE(true, false);
    CAPTURE(accepted);
    LaneRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    stream->leave();
    rig.await_end(stream);
    const auto resumed = rig.open(rig.get("/api/chats/c1/stream"));
    rig.context.restart();
    rig.context.run_for(Millis(60));
    CHECK_FALSE(resumed->ended);
    if (!accepted) {
        rig.authority.refuse = [](const authority::TurnRequest&) {
            return Error{.code = Code::unavailable, .message = "down"};
        };
    }
    rig.authority.release();
    if (accepted) {
        rig.until("its stream", [&] { return resumed->has("start-step") || resumed->ended; });
        REQUIRE_FALSE(resumed->ended);
        rig.complete(resumed);
    }
    rig.await_end(resumed);
    CHECK(resumed->head.status == (accepted ? 200 : 204));
}

TEST_CASE("start: the messages are listed with the question of a turn that is being started") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    const auto list = rig.open(rig.get("/api/chats/c1/messages"));
    rig.context.restart();
    rig.context.run_for(Millis(60));
    CHECK_FALSE(list->ended);
    authority::PastTurn begun{.id = "turn-1", .user_text = "one"};
    begun.running = true;
    rig.authority.past = {begun};
    rig.authority.release();
    rig.await_end(list);
    CHECK(list->head.status == 200);
    CHECK(list->has(R"("text":"one")"));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    rig.complete(stream);
}

TEST_CASE("start: a list waits two seconds for a turn, also where it would join one that waits") {
    auto config = LaneRig::quick();
    config.allowed.tools = true;
    LaneRig rig(config);
    rig.ids->put({"", "c1", "auth-c"});
    rig.authority.able.joins = true;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    const auto began = Clock::now();
    const auto list = rig.open(rig.get("/api/chats/c1/messages"));
    rig.await_end(list);
    CHECK(list->head.status == 200);
    CHECK(Clock::now() - began < config.timings.start_wait);
    CHECK_FALSE(stream->has("start-step")); // it is being started still
    rig.authority.release();
    rig.until("the stream", [&] { return stream->has("start-step"); });
    rig.complete(stream);
}

TEST_CASE("start: a conversation began when it was asked for, however long its authority takes") {
    const bool with_turn = GENERATE(true, false);
    CAPTURE(with_turn);
    const auto now_s = [] {
        return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    };
    LaneRig rig;
    rig.authority.hold = true;
    const auto answer = rig.open(
        with_turn ? rig.post("/api/chats/c1/stream", user_message("one"))
                  : rig.post("/api/chats", R"({"id":"c1"})")
    );
    rig.until("the start", [&] { return rig.authority.starts + rig.authority.makes == 1; });
    const auto asked = now_s();
    rig.until("another second", [&] { return now_s() > asked; });
    rig.authority.release();
    rig.until("its head", [&] { return answer->head.status != 0; });
    const auto row = rig.ids->find("", "c1");
    REQUIRE(row.has_value());
    CHECK(row->created_at <= asked);
    CHECK(row->updated_at > asked);
    if (with_turn) {
        rig.authority.last().complete();
    }
    rig.await_end(answer);
}
