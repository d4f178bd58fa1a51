#include "support.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream::contract;

namespace {

std::string stream(const std::vector<std::string>& chunks) {
    std::string out = "data: {\"type\":\"start\",\"messageId\":\"m\"}\n\n"
                      "data: {\"type\":\"start-step\"}\n\n";
    for (const std::string& chunk : chunks) {
        out += fmt::format("data: {{\"type\":\"{}}}\n\n", chunk);
    }
    return out + "data: {\"type\":\"finish-step\"}\n\ndata: {\"type\":\"finish\"}\n\n"
                 "data: [DONE]\n\n";
}

std::set<std::string> all(const Judgement& judgement) {
    auto found = ids(judgement.violations);
    found.merge(ids(judgement.warnings));
    return found;
}

using Found = std::set<std::string>;

const std::string k_call =
    R"(tool-input-available","toolCallId":"c","toolName":"n","input":{},"dynamic":true)";
const std::string k_streaming =
    R"(tool-input-start","toolCallId":"c","toolName":"n","dynamic":true)";
const std::string k_ask = R"(tool-approval-request","approvalId":"a","toolCallId":"c")";
const std::string k_denied = R"(tool-output-denied","toolCallId":"c")";
const std::string k_output = R"(tool-output-available","toolCallId":"c","output":1,"dynamic":true)";
const std::string k_error = R"(error","errorText":"e")";
const std::string k_tool_error =
    R"(tool-output-error","toolCallId":"c","errorText":"e","dynamic":true)";
const std::string k_next = "finish-step\"}\n\ndata: {\"type\":\"start-step\"";

} // namespace

TEST_CASE("approvals: what profile ai-sdk-6 allows and what not") {
    struct Row {
        const char* name;
        std::vector<std::string> chunks;
        Found found;
    };
    const auto row = GENERATE(
        Row{"a question leaves its call open", {k_call, k_ask}, {}},
        Row{"an open call without a question is still a warning", {k_call}, {"T4"}},
        Row{"denied after the question", {k_call, k_ask, k_denied}, {}},
        Row{"an output after the question", {k_call, k_ask, k_output}, {}},
        Row{"both told in one stream", {k_call, k_ask, k_next, k_output}, {}},
        Row{"denied in the next step", {k_call, k_ask, k_next, k_denied}, {}},
        Row{"a second step without a question", {k_call, k_output, k_next}, {"O4"}},
        Row{"no such call", {k_ask}, {"Q1"}},
        Row{"before its input", {k_streaming, k_ask}, {"Q1", "T3"}},
        Row{"after its output", {k_call, k_output, k_ask}, {"Q1"}},
        Row{"the same approval twice", {k_call, k_ask, k_ask}, {"Q2"}},
        Row{"denied without a question", {k_call, k_denied}, {"Q3", "T4"}},
        Row{"denied twice", {k_call, k_ask, k_denied, k_denied}, {"T2"}},
        Row{"denied and an output", {k_call, k_ask, k_denied, k_output}, {"T2"}},
        Row{"an error closes the call first", {k_call, k_ask, k_tool_error, k_error}, {}},
        Row{"an error over an open question", {k_call, k_ask, k_error}, {"E3"}},
        Row{"no id", {k_call, R"(tool-approval-request","toolCallId":"c")"}, {"J4"}},
        Row{"another key",
            {k_call,
             R"(tool-approval-request","approvalId":"a","toolCallId":"c","isAutomatic":true)"},
            {"J3"}}
    );
    CAPTURE(row.name);
    CHECK(all(judge_bytes(stream(row.chunks), k_whole, Profile::ai_sdk_6)) == row.found);
}

TEST_CASE("approvals: a question at the wrong time is told with the time") {
    const auto told = [](const std::vector<std::string>& chunks) {
        const auto judgement = judge_bytes(stream(chunks), k_whole, Profile::ai_sdk_6);
        const auto found = std::ranges::find(judgement.violations, "Q1", [](const Violation& one) {
            return one.rule->id;
        });
        REQUIRE(found != judgement.violations.end());
        return found->message;
    };
    CHECK(told({k_ask}).starts_with("tool-approval-request without a tool call, "));
    CHECK(told({k_streaming, k_ask}).starts_with("tool-approval-request before its input, "));
    CHECK(told({k_call, k_output, k_ask}).starts_with("tool-approval-request after its output, "));
}

TEST_CASE("approvals: profile ai-sdk knows neither chunk, as no client of AI SDK 5 does") {
    CHECK(all(judge_bytes(stream({k_call, k_ask, k_output}))) == Found{"J2"});
    CHECK(all(judge_bytes(stream({k_call, k_denied, k_output}))) == Found{"J2"});
}

TEST_CASE("approvals: the answer to a decision goes on with the call of the message") {
    const auto continues = parse_messages(
        R"([{"id":"m","role":"assistant","parts":[{"type":"dynamic-tool","toolName":"n",)"
        R"("toolCallId":"c","state":"approval-responded","input":{},)"
        R"("approval":{"id":"a","approved":false}}]}])"
    );
    REQUIRE(continues.has_value());
    REQUIRE(continues->has_value());
    CHECK((*continues)->calls.front().asked);
    const auto judged = [&](const std::string& chunk) {
        Judge judge(Profile::ai_sdk_6, *continues);
        judge.feed(stream({chunk}));
        return all(judge.finish());
    };
    CHECK(judged(k_denied).empty());
    CHECK(judged(k_output).empty());
    CHECK(judged(k_ask).empty());
}

TEST_CASE("approvals: nobody is asked about a call whose output the message has") {
    const auto continues = parse_messages(
        R"([{"id":"m","role":"assistant","parts":[{"type":"dynamic-tool","toolName":"n",)"
        R"("toolCallId":"c","state":"output-available","input":{},"output":1}]}])"
    );
    const auto judged = [&](const std::string& chunk) {
        Judge judge(Profile::ai_sdk_6, continues.value());
        judge.feed(stream({chunk}));
        return all(judge.finish());
    };
    CHECK(judged(k_output).empty()); // told once more
    CHECK(judged(k_ask) == Found{"Q1"});
}

TEST_CASE("approvals: without the messages, a call that only they can have is not judged") {
    struct Row {
        const char* name;
        std::vector<std::string> chunks;
        const char* rule;
    };
    const auto row = GENERATE(
        Row{"a denial", {k_denied}, "Q3"},
        Row{"an output", {k_output}, "T1"},
        Row{"a question", {k_ask}, "Q1"}
    );
    CAPTURE(row.name);
    Judge judge(Profile::ai_sdk_6);
    judge.feed(stream(row.chunks));
    const Judgement judgement = judge.finish();
    CHECK(all(judgement).empty());
    const auto& open = judgement.not_judged;
    CHECK(std::ranges::find(open, row.rule) != open.end());
    CHECK(all(judge_bytes(stream(row.chunks), k_whole, Profile::ai_sdk_6)) == Found{row.rule});
}

TEST_CASE("approvals: the profile has the rules of ai-sdk and its own") {
    CHECK(parse_profile("ai-sdk-6").value() == Profile::ai_sdk_6);
    CHECK(to_string(Profile::ai_sdk_6) == "ai-sdk-6");
    for (const Rule& rule : all_rules()) {
        CAPTURE(rule.id);
        const bool own = rule.id.front() == 'Q';
        CHECK(applies(rule, Profile::ai_sdk_6) == (own || applies(rule, Profile::ai_sdk)));
        CHECK_FALSE((own && applies(rule, Profile::ai_sdk)));
    }
}
