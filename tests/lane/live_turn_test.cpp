#include "lane_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;
using turn::TerminalClass;

TEST_CASE("stream: a turn arrives as it happens, frame by frame") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    CHECK(stream->head.status == 200);
    CHECK(rig.authority.starts == 1);
    // start and start-step are there before the authority said anything.
    CHECK_FALSE(stream->has("text-start"));
    rig.authority.last().say("Hel");
    rig.until("the first delta", [&] { return stream->has(R"("delta":"Hel")"); });
    CHECK_FALSE(stream->has("text-end"));
    rig.authority.last().more("lo");
    rig.complete(stream);
    CHECK(stream->failure == net::TransferFailure::none);
    CHECK(stream->bytes.ends_with("data: [DONE]\n\n"));
    rig.judge(*stream);
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
    CHECK(only_turn(rig).content);
    CHECK(only_turn(rig).usage == turn::Usage{10, 2, 5, 1});
    CHECK(rig.watcher.accepted.size() == 1);
    rig.until("the reader's end", [&] { return rig.watcher.requests.size() == 1; });
    CHECK(rig.watcher.readers == 0);
    CHECK(rig.authority.last().dropped);
}

TEST_CASE("stream: the head has the contract's headers and names thread and turn") {
    LaneRig rig;
    auto request = rig.post("/api/chat", user_message("hi"));
    request.headers.set("x-request-id", "my-request-1");
    const auto stream = rig.open(std::move(request));
    rig.until("a head", [&] { return stream->head.status != 0; });
    const auto& headers = stream->head.headers;
    CHECK(headers.get("content-type") == "text/event-stream; charset=utf-8");
    CHECK(headers.get("cache-control") == "no-cache, no-transform");
    CHECK(headers.get("x-vercel-ai-ui-message-stream") == "v1");
    CHECK(headers.get("x-accel-buffering") == "no");
    CHECK(headers.get("x-request-id") == "my-request-1");
    CHECK(headers.get("x-oa-revision") == "rev-1");
    CHECK(headers.get("x-oa-turn-id") == "turn-1");
    CHECK(headers.get("x-oa-thread-id")->starts_with("thread_"));
    CHECK(headers.get("x-oa-compatibility-min-schema-version") == "1");
    CHECK_FALSE(headers.has("x-oa-legacy-chat-retired"));
    CHECK_FALSE(headers.has("x-oa-legacy-chat-canonical"));
    CHECK_FALSE(headers.has("x-oa-legacy-chat-stream-protocol"));
    CHECK_FALSE(headers.has("content-length"));
    rig.complete(stream);
    CHECK(stream->has(R"("messageId":"turn-1")"));
}

TEST_CASE("stream: a completed turn without content counts as completed and shows it") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().push(turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, {}}
    );
    rig.await_legal(stream);
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
    CHECK_FALSE(only_turn(rig).content);
    CHECK_FALSE(only_turn(rig).usage.has_value());
}

TEST_CASE("stream: each way to fail has its code and its class, and no upstream text") {
    struct Row {
        const char* name;
        std::function<void(PlayedTurn&)> act;
        std::string_view code;
        TerminalClass terminal;
    };
    const auto ended = [](turn::FailureCode code) {
        return turn::TurnEnded{
            turn::Outcome::failed, turn::Finish::error, turn::Failure{code, false, "sk-secret"}, {}
        };
    };
    const std::vector<Row> rows{
        {"codex reported the turn failed",
         [&](PlayedTurn& turn) { turn.push(ended(turn::FailureCode::turn_failed)); },
         "turn_failed",
         TerminalClass::turn_failed},
        {"the authority died",
         [](PlayedTurn& turn) { turn.fail(Code::unavailable, "sk-secret"); },
         "authority_lost",
         TerminalClass::codex_error},
        {"it did not answer in time",
         [](PlayedTurn& turn) { turn.fail(Code::timeout, "sk-secret"); },
         "authority_timeout",
         TerminalClass::codex_error},
        {"it spoke nonsense",
         [](PlayedTurn& turn) { turn.fail(Code::protocol, "sk-secret"); },
         "codex_error",
         TerminalClass::codex_error},
    };
    for (const auto& row : rows) {
        DYNAMIC_SECTION(row.name) {
            LaneRig rig;
            const auto stream = rig.chat("c1", "hello");
            rig.authority.last().say("half an ans");
            row.act(rig.authority.last());
            rig.await_legal(stream);
            CHECK(stream->has(fmt::format(R"("code":"{}")", row.code)));
            CHECK(stream->has(R"("type":"error")"));
            CHECK(stream->bytes.ends_with("data: [DONE]\n\n"));
            CHECK_FALSE(stream->has("sk-secret"));
            CHECK(only_turn(rig).terminal == row.terminal);
            // The operator finds the cause under the id the client was told.
            REQUIRE(rig.events.size() == 1);
            const auto line = parse_json(rig.events.front()).value();
            CHECK(line.at("request_id") == *stream->head.headers.get("x-request-id"));
            CHECK(line.at("code") == row.code);
        }
    }
}

TEST_CASE("stream: an authority that breaks the grammar is repaired, and counted") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().push(
        {turn::PartDelta{"never-opened", "text"},
         turn::ToolOutput{"never-opened", Json{{"a", 1}}},
         turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, {}}}
    );
    rig.await_legal(stream);
    const auto& repairs = only_turn(rig).repairs;
    CHECK(repairs[static_cast<std::size_t>(encode::Repair::part_unopened)] == 1);
    CHECK(repairs[static_cast<std::size_t>(encode::Repair::tool_unopened)] == 1);
    CHECK(repairs[static_cast<std::size_t>(encode::Repair::part_left_open)] == 1);
}

TEST_CASE("stream: silence is filled with comments, between frames only") {
    auto config = LaneRig::quick();
    config.timings.heartbeat = Millis(25);
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    rig.until("two pings", [&] { return stream->has(": ping\n\n: ping\n\n"); });
    rig.authority.last().say("x");
    rig.until("a ping after a delta", [&] { return stream->bytes.ends_with("\n\n: ping\n\n"); });
    // Somebody who will lack the end.
    const auto left = rig.open(rig.get("/api/chats/c1/stream"));
    rig.until("a second reader", [&] { return left->has("x"); });
    left->leave();
    rig.until("its leaving", [&] { return rig.watcher.readers == 1; });
    rig.authority.last().complete();
    rig.await_legal(stream);
    SECTION("and a resume does not replay them") {
        // The log is what a second reader gets; it has none of the pings sent so far.
        const auto again = rig.open(rig.get("/api/chats/c1/stream"));
        rig.await_end(again);
        CHECK(again->head.status == 200);
        CHECK_FALSE(again->has("ping"));
        rig.judge(*again);
    }
}

TEST_CASE("reader gone: the turn goes on, and is interrupted when nobody comes back") {
    auto config = LaneRig::quick();
    config.timings.detach_grace = Millis(60);
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    stream->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    CHECK(rig.authority.last().interrupts == 0);
    CHECK(rig.watcher.turns.empty());
    CHECK(only_turn(rig).terminal == TerminalClass::client_gone);
    CHECK(rig.authority.last().interrupts == 1);
    // One line for the request, written when the turn's end was known.
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    REQUIRE(rig.watcher.requests.size() == 1);
    CHECK(rig.watcher.requests.front().reader == lane::ReaderEnd::client_gone);
    CHECK(rig.watcher.requests.front().terminal == TerminalClass::client_gone);
    CHECK(rig.watcher.requests.front().status == 200);
    const auto& record = rig.watcher.requests.front();
    CHECK(record.turn_s >= record.end_s + 0.059); // the grace
}

TEST_CASE("reader gone: a turn that completes meanwhile is completed") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    stream->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    rig.authority.last().say("answer");
    rig.authority.last().complete();
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
    CHECK(rig.authority.last().interrupts == 0);
}

TEST_CASE("reader gone: a resume within the grace keeps the turn and replays it from its start") {
    auto config = LaneRig::quick();
    config.timings.detach_grace = Millis(150);
    LaneRig rig(config);
    const auto first = rig.chat("c1", "hello");
    rig.authority.last().say("one ");
    rig.until("the delta", [&] { return first->has("one "); });
    first->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    const auto second = rig.open(rig.get("/api/chats/c1/stream"));
    rig.until("the replay", [&] { return second->has("one "); });
    CHECK(second->bytes == first->bytes);
    rig.authority.last().more("two");
    rig.authority.last().complete();
    rig.await_legal(second);
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
    CHECK(rig.watcher.accepted.size() == 1);
}

TEST_CASE("readers: several see the same bytes") {
    LaneRig rig;
    const auto one = rig.chat("c1", "hello");
    rig.authority.last().say("a");
    const auto two = rig.open(rig.get("/api/chat/c1/stream"));
    const auto three = rig.open(rig.get("/api/chat/stream/c1/stream"));
    rig.until("three readers", [&] { return rig.watcher.readers == 3; });
    rig.authority.last().more("b");
    rig.authority.last().complete();
    for (const auto& stream : {one, two, three}) {
        rig.await_legal(stream);
        CHECK(stream->bytes == one->bytes);
    }
    CHECK(rig.watcher.turns.size() == 1);
}

TEST_CASE("stop: every reader gets a proper ending, and stopping again changes nothing") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say("half");
    rig.until("the delta", [&] { return stream->has("half"); });
    const auto stopped = rig.send(rig.post("/api/chats/c1/stop", ""));
    CHECK(stopped.status == 200);
    CHECK(parse_json(stopped.body)->at("data").at("status") == "stopped");
    CHECK(parse_json(stopped.body)->at("data").at("turnId") == "turn-1");
    rig.await_legal(stream);
    CHECK(stream->has(R"("type":"abort")"));
    CHECK(stream->has(R"("status":"interrupted")"));
    CHECK_FALSE(stream->has(R"("type":"error")"));
    CHECK(only_turn(rig).terminal == TerminalClass::turn_interrupted);
    CHECK_FALSE(rig.authority.last().failed_as.has_value());
    const auto again = rig.send(rig.post("/api/chats/c1/stop", ""));
    CHECK(again.status == 200);
    CHECK(parse_json(again.body)->at("data").at("status") == "idle");
    CHECK(rig.send(rig.post("/api/chats/nobody/stop", "")).status == 404);
}

TEST_CASE("stop: one that names its turn ends no other one") {
    LaneRig rig;
    rig.complete(rig.chat("c1", "hello"));
    const auto stop = [&](std::string_view turn) {
        const auto answer =
            rig.send(rig.post(fmt::format("/api/chats/c1/stop?turnId={}", turn), ""));
        CHECK(answer.status == 200);
        return json_of(answer).at("data").at("status");
    };
    CHECK(stop("turn-1") == "idle");
    const auto stream = rig.chat("c1", "and now?");
    CHECK(stop("turn-1") == "idle");
    CHECK(rig.authority.last().interrupts == 0);
    CHECK(stop("turn-2") == "stopped");
    rig.await_legal(stream);
    CHECK(rig.authority.last().interrupts == 1);
    rig.authority.hold = true;
    const auto third = rig.open(rig.post("/api/chats/c1/stream", user_message("three", "u3")));
    rig.until("the start", [&] { return rig.authority.starts == 3; });
    rig.authority.able.joins = true; // then it waits for the start, which is not the one it means
    const auto asked = Clock::now();
    CHECK(stop("turn-2") == "idle");
    CHECK(Clock::now() - asked < Millis(10'000)); // LaneTimings::start_wait: 30 s
    rig.authority.release();
    rig.until("the third stream", [&] { return third->has("start-step"); });
    CHECK(rig.authority.last().interrupts == 0);
    rig.complete(third);
}

TEST_CASE("stop: before its turn was accepted it is not lost") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    const auto stop = rig.open(rig.post("/api/chats/c1/stop", ""));
    rig.context.restart();
    rig.context.run_for(Millis(100)); // the stop request is in
    rig.authority.release();
    rig.await_end(stop);
    CHECK(stop->has(R"("status":"stopped")"));
    rig.await_legal(stream);
    CHECK(only_turn(rig).terminal == TerminalClass::turn_interrupted);
}

TEST_CASE("stop: a deletion stops a turn that is being started, however long that takes") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("one")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    auto request = rig.get("/api/chats/c1");
    request.method = "DELETE";
    const auto deletion = rig.open(request);
    const auto asked = Clock::now();
    rig.until("a stop to give up", [&] {
        return deletion->ended || Clock::now() - asked > Millis(2'300);
    });
    CHECK_FALSE(deletion->ended);
    rig.authority.release();
    rig.await_end(deletion);
    CHECK(deletion->head.status == 204);
    CHECK(rig.authority.deleted == std::vector<std::string>{"auth-thread-1"});
    rig.await_legal(stream);
    CHECK(only_turn(rig).reason == lane::StopReason::stopped);
    CHECK_FALSE(rig.ids->contains("", "c1"));
}

TEST_CASE("stop: a turn whose authority ignores it is ended by us") {
    auto config = LaneRig::quick();
    config.timings.interrupt_grace = Millis(40);
    LaneRig rig(config);
    rig.authority.prepare = [](PlayedTurn& turn) { turn.answers_interrupt = false; };
    const auto stream = rig.chat("c1", "hello");
    CHECK(rig.send(rig.post("/api/chats/c1/stop", "")).status == 200);
    rig.await_legal(stream);
    CHECK(only_turn(rig).terminal == TerminalClass::turn_interrupted);
    rig.until("the turn to be dropped", [&] { return rig.authority.last().dropped; });
}

TEST_CASE("resume: a turn whose messages were read whole just before its end is not told again") {
    LaneRig rig;
    const auto first = rig.chat("x", "go");
    rig.authority.last().say("Hello");
    rig.until("its text", [&] { return first->has("Hello"); });
    auto& past = rig.authority.past.emplace_back(
        authority::PastTurn{.id = "turn-1", .user_text = "go", .running = true}
    );
    CHECK(rig.send(rig.get("/api/chats/x/messages")).status == 200);
    const auto again = rig.open(rig.get("/api/chats/x/stream"));
    rig.until("its text again", [&] { return again->has("Hello"); });
    past.running = false; // the authority has stored its end, and the lane has not heard it
    CHECK(rig.send(rig.get("/api/chats/x/messages")).status == 200);
    CHECK(rig.send(rig.get("/api/chats/x/stream")).status == 204);
    rig.complete(first);
    rig.await_legal(again);
    CHECK(rig.send(rig.get("/api/chats/x/stream")).status == 204);
}

TEST_CASE("resume: nothing live is 204 without a body, and so is an unknown thread") {
    auto config = LaneRig::quick();
    config.timings.ended_kept = Millis(0);
    LaneRig rig(config);
    CHECK(rig.send(rig.get("/api/chats/c1/stream")).status == 204);
    const auto stream = rig.chat("c1", "hello");
    rig.complete(stream);
    const auto nothing = rig.send(rig.get("/api/chats/c1/stream"));
    CHECK(nothing.status == 204);
    CHECK(nothing.body.empty());
    CHECK_FALSE(nothing.headers.has("content-length"));
    CHECK_FALSE(nothing.headers.has("content-type"));
}

TEST_CASE("limits: a silent authority is given up") {
    SECTION("before its first event") {
        auto config = LaneRig::quick();
        config.limits.first_event = Millis(40);
        LaneRig rig(config);
        const auto stream = rig.chat("c1", "hello");
        rig.await_legal(stream);
        CHECK(stream->has(R"("code":"authority_timeout")"));
        CHECK(only_turn(rig).terminal == TerminalClass::codex_error);
        CHECK(rig.authority.last().interrupts == 1);
        CHECK(rig.authority.last().failed_as == turn::FailureCode::authority_timeout);
    }
    SECTION("in the middle") {
        auto config = LaneRig::quick();
        config.limits.idle = Millis(60);
        LaneRig rig(config);
        const auto stream = rig.chat("c1", "hello");
        rig.authority.last().say("half");
        rig.await_legal(stream);
        CHECK(stream->has(R"("code":"stalled")"));
        CHECK(only_turn(rig).terminal == TerminalClass::codex_error);
        CHECK(rig.authority.last().failed_as == turn::FailureCode::stalled);
    }
}

TEST_CASE("limits: a turn that takes too long is aborted, as such") {
    auto config = LaneRig::quick();
    config.limits.turn_wall = Millis(60);
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say("half");
    rig.await_legal(stream);
    CHECK(stream->has(R"("code":"turn_aborted")"));
    CHECK(only_turn(rig).terminal == TerminalClass::turn_aborted);
    CHECK(only_turn(rig).reason == lane::StopReason::wall_time);
    CHECK(rig.authority.last().failed_as == turn::FailureCode::turn_aborted);
}

TEST_CASE("limits: logs that outgrow the memory for all of them end the growing turn") {
    auto config = LaneRig::quick();
    config.limits.total_log_bytes = 100'000;
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say(std::string(200'000, 'x'));
    rig.await_legal(stream);
    CHECK(stream->has(R"("code":"overloaded")"));
    CHECK(only_turn(rig).terminal == TerminalClass::turn_aborted);
    CHECK(rig.authority.last().failed_as == turn::FailureCode::overloaded);
}

TEST_CASE("limits: a log that is resumed no more counts no more") {
    struct Row {
        std::string_view path;
        Millis kept;
    };
    // Answers of completions are resumed by nobody, however long ended turns are kept.
    const auto row = GENERATE(
        Row{"/api/chat", Millis(0)}, Row{"/v1/chat/completions", Millis(std::chrono::hours(1))}
    );
    CAPTURE(row.path);
    auto config = LaneRig::quick();
    config.limits.total_log_bytes = 100'000;
    config.timings.ended_kept = row.kept;
    LaneRig rig(config);
    const std::string chat = user_message("hi");
    const std::string completion =
        R"({"model":"oa-stream","stream":true,"messages":[{"role":"user","content":"hi"}]})";
    int whole = 0;
    // The log of one that just ended may still count when the next one grows.
    for (int i = 0; i < 50 && whole < 3; ++i) {
        const bool is_chat = row.path == "/api/chat";
        const auto stream = rig.open(rig.post(row.path, is_chat ? chat : completion));
        rig.until("its turn", [&] {
            return rig.authority.starts == i + 1 && stream->head.status != 0;
        });
        rig.authority.last().say(std::string(60'000, 'x'));
        rig.complete(stream);
        rig.until("its outcome", [&] { return rig.watcher.turns.size() == std::size_t(i) + 1; });
        whole += rig.watcher.turns.back().terminal == TerminalClass::completed ? 1 : 0;
    }
    CHECK(whole == 3);
}

TEST_CASE("limits: a log beyond its cap goes on for its readers and cannot be resumed") {
    auto config = LaneRig::quick();
    config.limits.turn_log_bytes = 20'000;
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say("begin");
    for (int i = 0; i < 40; ++i) {
        rig.authority.last().more(std::string(1000, 'x'));
    }
    rig.until("the text", [&] { return stream->bytes.size() > 40'000; });
    CHECK(rig.send(rig.get("/api/chats/c1/stream")).status == 204);
    rig.authority.last().complete();
    rig.await_legal(stream);
    rig.until("the record", [&] { return rig.watcher.requests.size() == 2; });
    CHECK(rig.watcher.requests.back().frames == only_turn(rig).frames);
}

TEST_CASE("limits: turns of one owner, and in all") {
    auto config = LaneRig::quick();
    config.limits.streams = 2;
    LaneRig rig(config);
    const auto one = rig.chat("c1", "hello");
    const auto two = rig.chat("c2", "hello");
    const auto refused = rig.send(rig.post("/api/chats/c3/stream", user_message("x")));
    CHECK(refused.status == 503);
    CHECK(refused.headers.has("retry-after"));
    rig.complete(two);
    const auto three = rig.chat("c3", "hello");
    CHECK(three->head.status == 200);
    CHECK(rig.lane->busy() == 2);
}

TEST_CASE("slow reader: it is cut, the others and the turn go on") {
    // It stays behind for too long, or the logs of all turns are full.
    const bool full = GENERATE(false, true);
    CAPTURE(full);
    auto config = LaneRig::quick();
    config.limits.max_lag_bytes = 64U << 10U;
    if (full) {
        config.limits.turn_log_bytes = 1'000'000;
        config.limits.total_log_bytes = 20'000'000;
    } else {
        config.limits.max_lag_time = Millis(1000);
    }
    LaneRig rig(config);
    const auto good = rig.chat("c1", "hello");
    const auto slow = rig.open(rig.get("/api/chats/c1/stream"));
    rig.until("the slow reader's start", [&] { return slow->has("start-step"); });
    slow->paused = true;
    rig.authority.last().say("begin");
    // A piece is less than the lag that is allowed, and the next one waits until the good reader
    // has it: whatever the machine does meanwhile, that one is never too slow.
    const std::string piece(50'000, 'x');
    // More than any socket buffer takes on the way.
    std::size_t sent = 0;
    rig.until("the slow reader's end", [&] {
        if (sent < 800 && good->bytes.size() >= sent * piece.size()) {
            rig.authority.last().more(piece);
            ++sent;
        }
        return rig.watcher.readers == 1;
    });
    rig.until("its record", [&] { return rig.watcher.requests.size() == 1; });
    CHECK(rig.watcher.requests.front().reader == lane::ReaderEnd::client_too_slow);
    CHECK_FALSE(rig.watcher.requests.front().terminal.has_value());
    rig.authority.last().complete();
    rig.await_legal(good);
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
    // Cut by a reset: the client cannot take what it has for a whole answer.
    slow->paused = false;
    slow->transfer->resume();
    rig.await_end(slow);
    CHECK(slow->failure != net::TransferFailure::none);
    CHECK_FALSE(slow->has("[DONE]"));
}

TEST_CASE("slow reader: one that takes nothing for too long is cut, however little it lags") {
    auto config = LaneRig::quick();
    config.limits.max_lag_time = Millis(50);
    LaneRig rig(config);
    const auto stream = rig.chat("c1", "hello");
    stream->paused = true;
    rig.authority.last().say("begin");
    const std::string piece(100'000, 'x');
    int sent = 0;
    rig.until("its end", [&] {
        if (sent < 400) {
            rig.authority.last().more(piece);
            ++sent;
        }
        return rig.watcher.readers == 0;
    });
    rig.authority.last().complete();
    rig.until("its record", [&] { return rig.watcher.requests.size() == 1; });
    CHECK(rig.watcher.requests.front().reader == lane::ReaderEnd::client_too_slow);
    CHECK(rig.watcher.requests.front().frames < only_turn(rig).frames);
}

TEST_CASE("drain: live turns may end by themselves") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    rig.lane->begin_drain();
    const auto refused = rig.send(rig.post("/api/chats/c2/stream", user_message("x")));
    CHECK(refused.status == 503);
    CHECK(rig.send(rig.get("/readyz")).status == 503);
    CHECK(rig.send(rig.get("/healthz")).status == 200);
    rig.authority.last().say("x");
    rig.authority.last().complete();
    CHECK(rig.run(rig.lane->drain(Millis(5000))) == 0);
    rig.await_legal(stream);
    CHECK(only_turn(rig).terminal == TerminalClass::completed);
}

TEST_CASE("drain: what is left at its end gets a proper error ending") {
    LaneRig rig;
    rig.authority.prepare = [](PlayedTurn& turn) { turn.answers_interrupt = false; };
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say("half");
    const auto began = Clock::now();
    CHECK(rig.run(rig.lane->drain(Millis(200))) == 1);
    CHECK(Clock::now() - began < Millis(10'000));
    rig.await_legal(stream);
    CHECK(stream->has(R"("code":"turn_aborted")"));
    CHECK(stream->bytes.ends_with("data: [DONE]\n\n"));
    CHECK(only_turn(rig).terminal == TerminalClass::turn_aborted);
    CHECK(only_turn(rig).reason == lane::StopReason::drain);
}

TEST_CASE("drill: a frame that the authority wants broken is broken, framing intact") {
    struct EveryThird final : authority::WireFaults {
        int n = 0;
        [[nodiscard]] bool corrupt_next() override { return ++n == 4; }
    };
    LaneRig rig;
    rig.authority.prepare = [](PlayedTurn& turn) { turn.faults = std::make_unique<EveryThird>(); };
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().say("text that is to be cut");
    rig.complete(stream);
    contract::Judge judge(contract::Profile::ai_sdk);
    judge.head({200, stream->head.headers.all()});
    judge.feed(stream->bytes);
    const auto judgement = judge.finish();
    REQUIRE_FALSE(judgement.pass());
    CHECK(judgement.violations.front().rule->id == "J1");
    CHECK(stream->bytes.ends_with("data: [DONE]\n\n"));
}
