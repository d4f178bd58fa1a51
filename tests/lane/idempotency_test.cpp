#include "lane_rig.hpp"
#include "store/idempotency.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

net::ClientRequest keyed(LaneRig& rig, std::string_view key, std::string_view text = "hi") {
    auto request = rig.post("/api/chats/c1/stream", user_message(text));
    request.headers.set("idempotency-key", std::string(key));
    return request;
}

} // namespace

TEST_CASE("idempotency key: the same request again attaches to the same turn") {
    LaneRig rig;
    const auto first = rig.open(keyed(rig, "k1"));
    rig.until("the stream", [&] { return first->has("start-step"); });
    rig.authority.last().say("answer");
    const auto second = rig.open(keyed(rig, "k1"));
    rig.until("the replay", [&] { return second->has("answer"); });
    rig.authority.last().complete();
    for (const auto& stream : {first, second}) {
        rig.await_legal(stream);
    }
    CHECK(first->bytes == second->bytes);
    CHECK(rig.authority.starts == 1);
    CHECK(rig.watcher.accepted.size() == 1);
    CHECK(rig.watcher.turns.size() == 1);
}

TEST_CASE("idempotency key: a repetition that comes during the start waits for it") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto first = rig.open(keyed(rig, "k1"));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    const auto second = rig.open(keyed(rig, "k1"));
    rig.context.restart();
    rig.context.run_for(Millis(100)); // the second request is in
    rig.authority.release();
    rig.until("both streams", [&] { return first->has("start") && second->has("start"); });
    CHECK(rig.authority.starts == 1);
    rig.authority.last().complete();
    rig.await_legal(second);
}

TEST_CASE("idempotency key: what was answered long ago is not run again") {
    auto config = LaneRig::quick();
    config.timings.ended_kept = Millis(0);
    LaneRig rig(config);
    const auto first = rig.open(keyed(rig, "k1"));
    rig.until("the stream", [&] { return first->has("start-step"); });
    rig.complete(first);
    const auto again = rig.send(keyed(rig, "k1"));
    CHECK(again.status == 409);
    CHECK(error_code_of(again) == "already_answered");
    CHECK(parse_json(again.body)->at("error").at("turnId") == "turn-1");
    CHECK(rig.authority.starts == 1);
}

TEST_CASE("idempotency key: another request under the same key is a mistake") {
    LaneRig rig;
    const auto first = rig.open(keyed(rig, "k1"));
    rig.until("the stream", [&] { return first->has("start-step"); });
    const auto other = rig.send(keyed(rig, "k1", "something else"));
    CHECK(other.status == 422);
    CHECK(error_code_of(other) == "invalid_request");
    CHECK(rig.send(keyed(rig, "with space")).status == 422);
    auto twice = keyed(rig, "k2");
    twice.headers.add("Idempotency-Key", "k3");
    const auto refused = rig.send(std::move(twice));
    CHECK(refused.status == 400);
    CHECK(error_code_of(refused) == "bad_request");
    CHECK(rig.authority.starts == 1);
}

TEST_CASE("idempotency key: a start that failed may be tried again under it") {
    LaneRig rig;
    rig.authority.refuse = [](const authority::TurnRequest&) {
        return Error{Code::unavailable, "gone", "", ""};
    };
    CHECK(rig.send(keyed(rig, "k1")).status == 503);
    rig.authority.refuse = nullptr;
    const auto again = rig.open(keyed(rig, "k1"));
    rig.until("the stream", [&] { return again->has("start-step"); });
    CHECK(again->head.status == 200);
}

TEST_CASE("idempotency key: keys of owners are apart, and the oldest are forgotten") {
    lane::IdempotencyKeys keys(2);
    keys.begin("alice", "k", "r");
    CHECK(keys.find("alice", "k") != nullptr);
    CHECK(keys.find("bob", "k") == nullptr);
    keys.begin("alice", "k2", "r");
    keys.begin("alice", "k3", "r");
    CHECK(keys.find("alice", "k") == nullptr);
    CHECK(keys.find("alice", "k3") != nullptr);
    keys.forget("alice", "k3");
    CHECK(keys.find("alice", "k3") == nullptr);
}

TEST_CASE("idempotency key: one that was used again is as old as its newest use") {
    lane::IdempotencyKeys keys(3);
    keys.begin("alice", "k", "refused");
    keys.forget("alice", "k");
    keys.begin("alice", "k", "accepted");
    keys.begin("alice", "k2", "r");
    keys.begin("alice", "k3", "r");
    REQUIRE(keys.find("alice", "k") != nullptr);
    CHECK(keys.find("alice", "k")->request == "accepted");
    keys.begin("alice", "k4", "r");
    CHECK(keys.find("alice", "k") == nullptr);
}

TEST_CASE("idempotency key: requests that were refused push out no other key") {
    lane::IdempotencyKeys keys(2);
    keys.begin("ann", "k1", "hello");
    for (int i = 0; i < 5; ++i) {
        keys.begin("ben", "refused", "busy");
        keys.forget("ben", "refused");
    }
    CHECK(keys.find("ann", "k1") != nullptr);
    keys.begin("ann", "k2", "hello");
    keys.begin("ann", "k1", "again"); // now the newest
    keys.begin("ann", "k3", "hello");
    CHECK(keys.find("ann", "k2") == nullptr);
    REQUIRE(keys.find("ann", "k1") != nullptr);
    CHECK(keys.find("ann", "k1")->request == "again");
    CHECK(keys.find("ann", "k3") != nullptr);
}
