#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::contract;

TEST_CASE("head: status and headers of the last head, CRLF or LF") {
    const auto head =
        parse_head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n"
                   "HTTP/1.1 200 OK\r\nContent-Type:text/event-stream \r\nX-Two: a\r\n  b\r\n\r\n");
    REQUIRE(head.has_value());
    CHECK(head->status == 200);
    REQUIRE(head->headers.size() == 2);
    CHECK(
        head->headers[0] == std::pair<std::string, std::string>("Content-Type", "text/event-stream")
    );
    CHECK(head->headers[1].second == "a b");
    CHECK(parse_head("HTTP/2 204 \nx: y\n").value().status == 204);
    CHECK(parse_head("HTTP/2 204").value().status == 204);
    CHECK(parse_head("HTTP/1.1 200 OK\nx:\n").value().headers[0].second.empty());
}

TEST_CASE("head: what is no response head is unreadable") {
    for (const std::string_view bad :
         {"",
          "\r\n\r\n",
          "content-type: x\r\n",
          "HTTP/1.1 20 OK\r\n",
          "HTTP/1.1 2000 OK\r\n",
          "HTTP/1.1 099 Low\r\n",
          "HTTP/1.1 abc\r\n",
          "GET / HTTP/1.1\r\n",
          "HTTP/1.1\r\n",
          "HTTP/ {\r\n",
          "HTTP/1.1 \r\n",
          "HTTP/1.1 -12\r\n",
          "HTTP/1.1 200 OK\r\nno colon\r\n",
          "HTTP/1.1 200 OK\r\n: x\r\n",
          "HTTP/1.1 200 OK\r\n folded\r\n",
          "HTTP/1.1 200 OK\r\n\r\ndata: {}\r\n"}) {
        CAPTURE(bad);
        const auto head = parse_head(bad);
        REQUIRE_FALSE(head.has_value());
        CHECK(head.error().code == Code::unreadable);
    }
}

TEST_CASE("messages: only a last message of the assistant is continued") {
    CHECK_FALSE(parse_messages("[]").value().has_value());
    CHECK_FALSE(parse_messages(R"([{"role":"assistant","id":"a"},{"role":"user","id":"u"}])")
                    .value()
                    .has_value());
    const auto whole =
        parse_messages(R"({"id":"chat","messages":[{"role":"assistant","id":"a"}]})");
    REQUIRE(whole.value().has_value());
    CHECK(whole.value()->message_id == "a");
    CHECK(whole.value()->calls.empty());
}

TEST_CASE("messages: the calls are known, with what the answer must repeat") {
    const auto parsed = parse_messages(R"([{"role":"assistant","id":"a","parts":[
        {"type":"step-start"},{"type":"text","text":"x"},
        {"type":"dynamic-tool","toolName":"ask","toolCallId":"c1","state":"input-available","input":{}},
        {"type":"tool-shell","toolCallId":"c2","state":"input-streaming"},
        {"type":"tool-shell","toolCallId":"c3","state":"output-available","output":1},
        {"type":"tool-shell","toolCallId":"c4","state":"output-error","errorText":"x"}]}])");
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->has_value());
    const auto& calls = (*parsed)->calls;
    REQUIRE(calls.size() == 4);
    CHECK((calls[0].call == "c1" && calls[0].name == "ask" && calls[0].dynamic));
    CHECK_FALSE(calls[0].input_streaming);
    CHECK((calls[1].call == "c2" && calls[1].name == "shell" && !calls[1].dynamic));
    CHECK(calls[1].input_streaming);
    CHECK((calls[2].call == "c3" && !calls[2].input_streaming)); // its output is yet to be told
    CHECK((calls[3].call == "c4" && !calls[3].input_streaming));
}

TEST_CASE("messages: the result that a page sent is told once, and need not be") {
    const auto parsed = parse_messages(R"([{"role":"assistant","id":"m1","parts":[
        {"type":"dynamic-tool","toolName":"n","toolCallId":"c","state":"output-available","output":1},
        {"type":"tool-n","toolCallId":"d","state":"output-error","errorText":"x"}]}])");
    const auto judged = [&](std::string_view bytes) {
        Judge judge(Profile::ai_sdk, parsed.value());
        judge.feed(bytes);
        const Judgement judgement = judge.finish();
        CHECK(judgement.warnings.empty());
        return ids(judgement.violations);
    };
    using Ids = std::set<std::string>;
    CHECK(judged(k_good).empty());
    CHECK(judged(k_output_alone).empty());
    const auto with = [&](std::string_view chunk) {
        std::string bytes(k_output_alone);
        bytes.insert(bytes.find("data: {\"type\":\"finish-step\""), chunk);
        return judged(bytes);
    };
    CHECK(with("data: {\"type\":\"tool-output-error\",\"toolCallId\":\"d\",\"errorText\":\"x\"}\n\n"
    )
              .empty());
    CHECK(
        with("data: {\"type\":\"tool-output-error\",\"toolCallId\":\"c\",\"errorText\":\"x\"}\n\n"
        ) == Ids{"T2"}
    );
    CHECK(
        with("data: {\"type\":\"tool-output-error\",\"toolCallId\":\"e\",\"errorText\":\"x\"}\n\n"
        ) == Ids{"T1"}
    );
}

TEST_CASE("messages: what holds none is unreadable") {
    for (const std::string_view bad : {"", "{}", "[", "3", R"({"messages":{}})", "\"x\""}) {
        CAPTURE(bad);
        const auto parsed = parse_messages(bad);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == Code::unreadable);
    }
}
