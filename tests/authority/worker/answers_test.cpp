// Answers of the worker control API, as the services give them and as they should not.
#include "oa_stream/base/json_bounds.hpp"

#include "worker/control/control_answers.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

Result<Json> receipt(std::string_view data) {
    return read_receipt(Json::object({{"data", *parse_any_json(data)}}));
}

} // namespace

TEST_CASE("control answers: ids of threads and turns, wherever they stand") {
    CHECK(thread_of(*receipt(R"({"ok":true,"response":{"thread_id":"t"}})")) == "t");
    CHECK(thread_of(*receipt(R"({"response":{"result":{"thread":{"id":"t"}}}})")) == "t");
    CHECK(turn_of(*receipt(R"({"response":{"turn":{"id":"u"}}})")) == "u");
    CHECK(
        turn_of(*receipt(R"({"response":{"jsonrpc":"2.0","result":{"turn":{"id":"u"}}}})")) == "u"
    );
    CHECK(turn_of(*receipt(R"({"response":{"turn_id":"u"}})")) == "u");
    CHECK(turn_of(*receipt(R"({"response":{"status":"accepted"}})")).empty());
    CHECK(turn_of(*receipt(R"({"response":7})")).empty());
}

TEST_CASE("control answers: a refusal says only whether the worker knows the thread") {
    const auto code = [](std::string_view data) { return receipt(data).error().code; };
    CHECK(code(R"({"ok":false,"message":"Server overloaded at 10.0.0.7"})") == Code::unavailable);
    CHECK_FALSE(receipt(R"({"ok":false,"message":"at 10.0.0.7"})").error().text().contains("10.0"));
    CHECK(
        code(R"({"ok":false,"message":"turn/start failed: thread not found: x"})") ==
        Code::not_found
    );
    const auto lost =
        receipt(R"({"response":{"error":{"code":-32600,"message":"thread not found: x"}}})");
    CHECK(lost.error().code == Code::not_found);
    CHECK(lost.error().where == ControlClient::k_thread);
    const auto gone =
        receipt(R"({"response":{"error":{"message":"no rollout found for thread id x"}}})");
    CHECK(gone.error().code == Code::not_found);
    CHECK(gone.error().where.empty()); // to resume it would be in vain
    CHECK(read_receipt(Json::object()).error().code == Code::protocol);
    CHECK(read_receipt(Json::array()).error().code == Code::protocol);
}

TEST_CASE("control answers: a log without a snapshot says nothing of the worker") {
    const auto log = [](std::string_view data) { return read_log(*parse_any_json(data)); };
    CHECK_FALSE(log(R"({"cursor":4,"events":[]})").worker);
    CHECK_FALSE(log(R"({"snapshot":null})").worker);
    CHECK_FALSE(log("7").worker);
    const auto read = log(
        R"({"snapshot":{"latest_seq":9},"events":[{"seq":8,"event_type":"worker.heartbeat"},7]})"
    );
    CHECK(read.worker->latest_seq == 9);
    CHECK(read.events.size() == 1);
}

TEST_CASE("control answers: numbers of limits, builds of a window") {
    CHECK(retry_seconds("Too many requests. Retry in 17s.") == 17);
    for (const auto* text :
         {"", "Retry in s.", "Retry in -4s.", "Retry in 99999999999999999999s."}) {
        CHECK_FALSE(retry_seconds(text));
    }
    CHECK(most_characters("Message text exceeds 20000 characters.") == 20'000);
    CHECK_FALSE(most_characters("Message text exceeds the limit."));
    const Json transcript = *parse_json(
        R"({"compatibility":{"code":"upgrade_required","min_client_build_id":"20270101T000000Z"}})"
    );
    CHECK(
        compat_text(transcript) ==
        "this build is not served: upgrade_required (builds 20270101T000000Z to any)"
    );
}
