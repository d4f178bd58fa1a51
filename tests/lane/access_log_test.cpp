#include "oa_stream/lane/access_log.hpp"

#include "lane_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

TEST_CASE("access log: one line a stream tells all its times, and nothing of what was said") {
    LaneRig rig;
    rig.give_tokens({{"tok-secret", "alice@example.org"}});
    auto request = rig.post("/api/chats/c1/stream", user_message("the-prompt"));
    request.headers.set("authorization", "Bearer tok-secret");
    const auto stream = rig.open(std::move(request));
    rig.until("the stream", [&] { return stream->has("start-step"); });
    rig.authority.last().say("the-answer");
    rig.complete(stream);
    rig.until("the line", [&] { return !rig.access.empty(); });
    REQUIRE(rig.access.size() == 1);
    const auto& text = rig.access.front();
    CHECK_FALSE(text.contains("the-prompt"));
    CHECK_FALSE(text.contains("the-answer"));
    CHECK_FALSE(text.contains("tok-secret"));
    CHECK_FALSE(text.contains("alice"));
    CHECK_FALSE(text.contains('\n'));
    const auto line = parse_json(text).value();
    CHECK(line.at("event") == "request");
    CHECK(line.at("route") == "/api/chats/{conversationId}/stream");
    CHECK(line.at("method") == "POST");
    CHECK(line.at("status") == 200);
    CHECK(line.at("lane") == "compat");
    CHECK(line.at("revision") == "rev-1");
    CHECK(line.at("thread") == "c1");
    CHECK(line.at("turn") == "turn-1");
    CHECK(line.at("reader") == "finished");
    CHECK(line.at("terminal") == "completed");
    CHECK(line.at("usage").at("output") == 5);
    CHECK(line.at("owner") == lane::owner_hash("alice@example.org"));
    CHECK(line.at("bytes") == stream->bytes.size());
    CHECK(line.at("frames") == 8);
    double last = 0;
    for (const auto* name :
         {"accepted_ms",
          "headers_ms",
          "first_byte_ms",
          "first_event_ms",
          "first_content_ms",
          "end_ms"}) {
        CAPTURE(name, text);
        REQUIRE(line.contains(name));
        CHECK(line.at(name).get<double>() >= last);
        last = line.at(name).get<double>();
    }
}

TEST_CASE("access log: an answer without a word has a first event, and no first content") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hi");
    rig.authority.last().push(
        turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, turn::Usage{}}
    );
    rig.await_end(stream);
    rig.until("the line", [&] { return !rig.access.empty(); });
    const auto line = parse_json(rig.access.front()).value();
    CHECK(line.contains("first_event_ms"));
    CHECK_FALSE(line.contains("first_content_ms"));
}

TEST_CASE("access log: a refused request names its code and has no stream's members") {
    LaneRig rig;
    (void)rig.send(rig.post("/api/chat", "{}"));
    REQUIRE(rig.access.size() == 1);
    const auto line = parse_json(rig.access.front()).value();
    CHECK(line.at("status") == 422);
    CHECK(line.at("error") == "invalid_request");
    CHECK_FALSE(line.contains("terminal"));
    CHECK_FALSE(line.contains("reader"));
    CHECK_FALSE(line.contains("first_content_ms"));
    CHECK(line.contains("end_ms"));
}

TEST_CASE("access log: logfmt says the same as JSON, one flat line") {
    lane::RequestRecord record;
    record.request_id = "req_1";
    record.route = "/api/chat";
    record.method = "PO ST\n";
    record.status = 200;
    record.lane = "compat";
    record.owner = "alice";
    record.accepted_s = 0.0015;
    record.end_s = 2;
    record.terminal = turn::TerminalClass::completed;
    record.model = "a=\"b\"";
    record.repairs[static_cast<std::size_t>(encode::Repair::end_missing)] = 2;
    SECTION("with usage") {
        record.usage = turn::Usage{10, 2, 5, 1};
        const auto line = lane::access_line(record, "rev 1", lane::LogFormat::logfmt);
        CHECK(line.starts_with("ts=1970-01-01T00:00:00.000Z event=request request_id=req_1 "
                               "route=/api/chat method=\"PO ST\\n\" status=200 lane=compat "
                               "revision=\"rev 1\" owner="));
        CHECK(line.ends_with(" accepted=true accepted_ms=1.5 end_ms=2000.0 frames=0 bytes=0 "
                             "terminal=completed model=\"a=\\\"b\\\"\" usage_input=10 "
                             "usage_cached_input=2 usage_output=5 usage_reasoning_output=1 "
                             "repairs_end_missing=2"));
        CHECK_FALSE(line.contains('\n'));
    }
    SECTION("unknown usage is told") {
        CHECK(lane::access_line(record, "r", lane::LogFormat::logfmt).contains(" usage=null "));
    }
}

TEST_CASE("access log: a line of JSON has its members in order, times as milliseconds") {
    lane::RequestRecord record;
    record.request_id = "req_\"1";
    record.route = "/api/chat";
    record.method = "POST";
    record.status = 200;
    record.probe = "smoke";
    record.secure = true;
    record.thread = "ch\xC3\xA4t\n";
    record.accepted_s = 0;
    record.headers_s = 0.0015;
    record.first_byte_s = 1.2345678;
    record.first_event_s = 2;
    record.first_content_s = 1e-9;
    record.end_s = 100'000.25;
    record.turn_s = 100'001;
    record.frames = 18'446'744'073'709'551'615U;
    record.reader = lane::ReaderEnd::client_gone;
    const std::string common =
        R"({"ts":"1970-01-01T00:00:00.000Z","event":"request","request_id":"req_\"1",)"
        R"("route":"/api/chat","method":"POST","status":200,"lane":"control","revision":"r",)"
        R"("probe":"smoke","scheme":"https","thread":"chät\n","accepted":true,"accepted_ms":0.0,)"
        R"("headers_ms":1.5,"first_byte_ms":1234.568,"first_event_ms":2000.0,)"
        R"("first_content_ms":0.0,"end_ms":100000250.0,"turn_ms":100001000.0,)"
        R"("frames":18446744073709551615,"bytes":0,)"
        R"("reader":"client_gone")";
    CHECK(lane::access_line(record, "r", lane::LogFormat::json) == common + "}");
    record.terminal = turn::TerminalClass::turn_aborted;
    record.failure = turn::FailureCode::overloaded;
    record.reason = lane::StopReason::wall_time;
    record.model = "m";
    record.empty = true;
    const auto ended = common + R"(,"terminal":"turn_aborted","failure":"overloaded",)"
                                R"("reason":"wall_time","model":"m","empty":true,)";
    CHECK(lane::access_line(record, "r", lane::LogFormat::json) == ended + R"("usage":null})");
    record.usage = turn::Usage{10, 2, 5, 1};
    record.repairs.front() = 1;
    record.repairs.back() = 2;
    const auto kind = [](std::size_t at) {
        return std::string(encode::to_string(static_cast<encode::Repair>(at)));
    };
    CHECK(
        lane::access_line(record, "r", lane::LogFormat::json) ==
        ended + R"("usage":{"input":10,"cached_input":2,"output":5,"reasoning_output":1},)" +
            R"("repairs":{")" + kind(0) + "\":1,\"" + kind(record.repairs.size() - 1) + "\":2}}"
    );
}

TEST_CASE("access log: text from outside cannot forge a line") {
    LaneRig rig;
    auto request = rig.get("/healthz\"%0a");
    request.headers.set("x-request-id", "a\"}");
    (void)rig.send(std::move(request));
    REQUIRE(rig.access.size() == 1);
    CHECK(parse_json(rig.access.front()).has_value());
}

TEST_CASE("owner hash: tells owners apart without naming them") {
    CHECK(lane::owner_hash("alice") != lane::owner_hash("bob"));
    CHECK(lane::owner_hash("alice").size() == 12);
    CHECK(lane::owner_hash("").empty());
}
