// Two answers that were already given are compared without telling what was said.
#include "oa_stream/probe/given_answer.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::probe;

namespace {

std::string answer_saying(std::string_view text, std::string_view status = "completed") {
    return fmt::format(
        R"(data: {{"type":"start","messageId":"m"}}

data: {{"type":"start-step"}}

data: {{"type":"text-start","id":"t"}}

data: {{"type":"text-delta","id":"t","delta":"{}"}}

data: {{"type":"text-end","id":"t"}}

data: {{"type":"finish-step"}}

data: {{"type":"finish","messageMetadata":{{"status":"{}"}}}}

data: [DONE]

)",
        text,
        status
    );
}

const net::Headers k_stream{
    {"content-type", "text/event-stream"},
    {"cache-control", "no-cache, no-transform"},
    {"x-vercel-ai-ui-message-stream", "v1"},
    {"x-accel-buffering", "no"}
};
const net::Headers k_json{{"Content-Type", "application/json; charset=utf-8"}};

std::vector<std::string>
streams(std::string_view a, std::string_view b, Compare compare = Compare::text) {
    return differences_of_given({200, &k_stream, a}, {200, &k_stream, b}, compare);
}
std::vector<std::string> objects(int one, std::string_view a, int two, std::string_view b) {
    return differences_of_given({one, &k_json, a}, {two, &k_json, b}, Compare::text);
}

} // namespace

TEST_CASE("given answers: equal turns differ in nothing, and what differs is told without it") {
    CHECK(streams(answer_saying("secret words"), answer_saying("secret words")).empty());
    const auto found = streams(answer_saying("secret words"), answer_saying("secret wishes"));
    REQUIRE(found.size() == 1);
    CHECK(found[0] == "text of part 1 (text): lane 12 bytes, from byte 8; reference 13 bytes");
    CHECK(streams(answer_saying("secret words"), answer_saying("other"), Compare::structure).empty()
    );
    CHECK(streams(answer_saying("a", "interrupted"), answer_saying("a", "completed")).size() == 1);
}

TEST_CASE("given answers: a stream that was cut, or breaks the contract, is not equal") {
    const std::string whole = answer_saying("words");
    const std::string half = whole.substr(0, whole.find("data: {\"type\":\"text-end"));
    CHECK(
        streams(half, whole).front() == "ending of the turn: lane unfinished; reference completed"
    );
    const auto cut = differences_of_given(
        {200, &k_stream, whole, "reset"}, {200, &k_stream, whole}, Compare::text
    );
    REQUIRE(cut.size() == 1);
    CHECK(cut[0] == "ending of the turn: lane reset; reference completed");
    std::string broken = whole;
    broken.replace(broken.find("data: [DONE]"), 12, "data: {nojson");
    CHECK(streams(broken, whole).size() == 1);
}

TEST_CASE("given answers: what a call holds is not told, not even by its names") {
    const auto message = [](std::string_view input) {
        return fmt::format(
            R"({{"messages":[{{"parts":[{{"type":"tool-x","input":{}}},{{"type":"data-y","data":{}}}]}}]}})",
            input,
            input
        );
    };
    CHECK(objects(200, message(R"({"a secret":1})"), 200, message(R"({"b":{"c":2}})")).empty());
    CHECK(
        objects(200, message("{}"), 200, message("[]")) ==
        std::vector<std::string>{"shape of $.messages[0].parts[0].input: object, array: lane not "
                                 "so; reference so"}
    );
    const auto list = objects(200, R"({"data":{"a":1}})", 200, R"({"data":{"b":1}})");
    REQUIRE(list.size() == 1); // no part
    CHECK(list[0].find("$.data.a") != std::string::npos);
}

TEST_CASE("given answers: of other answers status, media type, code and shape count") {
    const std::string no = R"({"error":{"code":"not_found","message":"secret"}})";
    CHECK(objects(404, no, 404, R"({"error":{"code":"not_found","message":"other"}})").empty());
    CHECK(objects(404, no, 410, no).front() == "status of the answer: lane 404; reference 410");
    CHECK(
        objects(404, no, 404, R"({"error":{"code":"gone","message":"secret"}})").front() ==
        "error code of the answer: lane not_found; reference gone"
    );
    CHECK(objects(200, R"({"a":1})", 200, R"({"a":2})").empty());
    const auto shape = objects(200, R"({"a":"secret"})", 200, R"({"a":2})");
    REQUIRE(shape.size() == 1);
    CHECK(shape[0].find("secret") == std::string::npos);
    CHECK(
        objects(200, "{", 200, "{}").front() == "body of the answer: lane no JSON; reference JSON"
    );
    const auto kinds = differences_of_given(
        {200, &k_json, "{}"}, {200, &k_stream, answer_saying("a")}, Compare::text
    );
    CHECK(kinds.size() == 1);
}
