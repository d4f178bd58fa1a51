// Frames of both wires, as the services write them and as they should not.
#include "worker/khala/khala_frames.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::authority;
using Kind = KhalaFrame::Kind;

namespace {

const KhalaFilter k_filter{"runtime.codex_worker_events", "desktopw:shared"};

std::string rust_message(std::string_view worker, std::string_view topic = k_filter.topic) {
    return R"({"type":"message","message":{"topic":")" + std::string(topic) +
           R"(","sequence":41,"kind":"worker.event","published_at":"x","payload":{"workerId":")" +
           std::string(worker) +
           R"(","seq":7,"eventType":"worker.event","payload":{"method":"turn/started","params":{"threadId":"t"}}}}})";
}

} // namespace

TEST_CASE("khala frames: a message of our worker is an event, another worker's only a watermark") {
    auto frame = read_rust_frame(rust_message("desktopw:shared"), k_filter);
    CHECK(frame.kind == Kind::events);
    REQUIRE(frame.events.size() == 1);
    CHECK(frame.events[0].seq == 7);
    CHECK(frame.events[0].watermark == 41);
    CHECK(frame.events[0].method == "turn/started");
    frame = read_rust_frame(rust_message("desktopw:other"), k_filter);
    CHECK(frame.kind == Kind::events);
    CHECK(frame.events.empty());
    CHECK(frame.watermark == 41);
    CHECK(
        read_rust_frame(rust_message("desktopw:shared", "run:1:events"), k_filter).kind ==
        Kind::none
    );
}

TEST_CASE("khala frames: the notification envelope of the contract is an event too") {
    const auto frame = read_rust_frame(
        R"({"type":"message","message":{"topic":"runtime.codex_worker_events","sequence":3,"payload":{"worker_id":"desktopw:shared","seq":2,"method":"CODEX_NOTIFICATION_METHOD_TURN_COMPLETED","payload":{"source":"s","params":{"thread_id":"t","turn_id":"u"}}}}})",
        k_filter
    );
    REQUIRE(frame.events.size() == 1);
    CHECK(frame.events[0].method == "turn/completed");
}

TEST_CASE("khala frames: what ends a connection on the Rust wire") {
    auto frame =
        read_rust_frame(R"({"type":"hello","recommended_reconnect_backoff_ms":431})", k_filter);
    CHECK(frame.kind == Kind::hello);
    CHECK(frame.pause == Millis(431));
    frame = read_rust_frame(
        R"({"type":"stale_cursor","head_cursor":900,"oldest_available_cursor":5})", k_filter
    );
    CHECK(frame.kind == Kind::stale);
    CHECK(frame.head == 900U);
    frame = read_rust_frame(R"({"type":"error","code":"slow_consumer_evicted"})", k_filter);
    CHECK(frame.kind == Kind::slow);
    CHECK(
        read_rust_frame(R"({"type":"error","code":"fanout_error"})", k_filter).kind == Kind::failed
    );
}

TEST_CASE("khala frames: a Phoenix batch keeps its holes") {
    const auto frame = read_phoenix_frame(
        R"(["1",null,"sync:v1","sync:update_batch",{"updates":[
            {"topic":"runtime.codex_worker_events","doc_key":"runtime/codex_worker_event:desktopw:shared:4","doc_version":4,"payload":null,"watermark":10,"hydration_required":true},
            {"topic":"runtime.codex_worker_events","doc_key":"runtime/codex_worker_event:desktopw:x:9","doc_version":9,"payload":null,"watermark":11,"hydration_required":true},
            {"topic":"runtime.codex_worker_events","doc_version":5,"watermark":12,"payload":{"worker_id":"desktopw:shared","seq":5,"event_type":"worker.heartbeat","payload":{}}}
        ]}])",
        k_filter
    );
    CHECK(frame.kind == Kind::events);
    CHECK(frame.watermark == 12);
    REQUIRE(frame.events.size() == 2);
    CHECK(frame.events[0].missing);
    CHECK(frame.events[0].seq == 4);
    CHECK(frame.events[1].type == "worker.heartbeat");
}

TEST_CASE("khala frames: Phoenix replies and errors") {
    auto frame = read_phoenix_frame(
        R"([null,"2","sync:v1","phx_reply",{"status":"ok","response":{"current_watermarks":[{"topic":"runtime.codex_worker_events","watermark":88}]}}])",
        k_filter
    );
    CHECK(frame.kind == Kind::joined);
    CHECK(frame.ref == "2");
    CHECK(frame.head == 88U);
    frame = read_phoenix_frame(
        R"(["1","2","sync:v1","phx_reply",{"status":"error","response":{"code":"stale_cursor","stale_topics":[{"head_watermark":77}]}}])",
        k_filter
    );
    CHECK(frame.kind == Kind::stale);
    CHECK(frame.head == 77U);
    frame = read_phoenix_frame(
        R"(["1",null,"sync:v1","sync:error",{"code":"reauth_required"}])", k_filter
    );
    CHECK(frame.kind == Kind::reauth);
    frame = read_phoenix_frame(
        R"(["1",null,"sync:v1","sync:error",{"code":"slow_consumer","reconnect_after_ms":2000}])",
        k_filter
    );
    CHECK(frame.kind == Kind::slow);
    CHECK(frame.pause == Millis(2000));
    frame = read_phoenix_frame(
        R"(["1",null,"sync:v1","sync:frame",{"kind":"KHALA_FRAME_KIND_ERROR","payload_bytes":"eyJjb2RlIjoicmVhdXRoX3JlcXVpcmVkIn0="}])",
        k_filter
    );
    CHECK(frame.kind == Kind::reauth); // it comes alone where sync:error was lost
    frame = read_phoenix_frame(
        R"([null,"1","sync:v1","phx_reply",{"status":"error","response":{"code":"upgrade_required","min_client_build_id":"20270101T000000Z","max_client_build_id":null}}])",
        k_filter
    );
    CHECK(frame.window.contains("upgrade_required (builds 20270101T000000Z to any)"));
    CHECK(
        read_phoenix_frame(R"(["1",null,"sync:v1","phx_close",{}])", k_filter).kind == Kind::closed
    );
}

TEST_CASE("khala frames: whatever else comes is not a frame") {
    for (const char* text :
         {"",
          "{",
          "[]",
          "7",
          "null",
          R"({"type":7})",
          R"({"type":"message"})",
          R"({"type":"message","message":{"topic":"runtime.codex_worker_events","sequence":-1,"payload":{}}})",
          R"(["1",null,"sync:v1",7,{}])",
          R"(["1",null,"sync:v1","sync:update_batch",[]])",
          R"(["1",null,"sync:v1","sync:frame",{"kind":"KHALA_FRAME_KIND_ERROR"}])"}) {
        CHECK(read_rust_frame(text, k_filter).kind == Kind::none);
        CHECK(read_phoenix_frame(text, k_filter).kind == Kind::none);
    }
}

TEST_CASE("khala frames: a Phoenix message is an array of five") {
    CHECK(
        phoenix_message("", "1", "phx_join", Json::object()) ==
        R"([null,"1","sync:v1","phx_join",{}])"
    );
}
