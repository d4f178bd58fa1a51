#include "oa_stream/wire/completions_chunk.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::wire::completions;

namespace {

std::string rules_of(const std::vector<ParseNote>& notes) {
    std::string out;
    for (const ParseNote& note : notes) {
        out += out.empty() ? "" : " ";
        out += note.rule;
    }
    return out;
}

/// A chunk whose choices are these.
std::string chunk(std::string_view choices, std::string_view more = "") {
    return R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":)" +
           std::string(choices) + std::string(more) + "}";
}
std::string delta(std::string_view of) {
    return chunk(R"([{"index":0,"delta":)" + std::string(of) + R"(,"finish_reason":null}])");
}
std::string answer(std::string_view choices, std::string_view more = "") {
    return R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":)" +
           std::string(choices) + std::string(more) + "}";
}
const std::string k_choice =
    R"([{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}])";

struct Row {
    std::string_view name;
    std::string data;
    std::string_view rules;
};

Chunk full() {
    return {
        .id = "chatcmpl-1",
        .created = 7,
        .model = "m",
        .has_choice = true,
        .role = "assistant",
        .content = "a\"\n\u00e9",
        .finish = "stop",
        .usage = Usage{3, 4, 7, 1, 2},
    };
}

std::string data_of(const Event& event) {
    std::string frame;
    append_frame(frame, event);
    REQUIRE(frame.starts_with("data: "));
    REQUIRE(frame.ends_with("\n\n"));
    return frame.substr(6, frame.size() - 8);
}

} // namespace

TEST_CASE("completions: a frame's bytes are the documented ones") {
    Chunk chunk{.id = "chatcmpl-1", .created = 7, .model = "m"};
    chunk.role = "assistant";
    chunk.content = "";
    CHECK(
        data_of(chunk) ==
        R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m",)"
        R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})"
    );
    chunk.role.reset();
    chunk.content.reset();
    chunk.finish = "length";
    CHECK(data_of(chunk).ends_with(R"("choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"
    ));
    chunk.finish.reset();
    chunk.has_choice = false;
    chunk.usage = Usage{3, 4, 7, 1, 2};
    CHECK(data_of(chunk).ends_with(
        R"("choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,)"
        R"("prompt_tokens_details":{"cached_tokens":1},)"
        R"("completion_tokens_details":{"reasoning_tokens":2}}})"
    ));
    CHECK(data_of(Done{}) == "[DONE]");
    CHECK(
        data_of(ErrorObject{.message = "m", .type = "t", .code = "c"}) ==
        R"({"error":{"message":"m","type":"t","param":null,"code":"c"}})"
    );
}

TEST_CASE("completions: a tool call's bytes are the documented ones") {
    Chunk chunk{.id = "chatcmpl-1", .created = 7, .model = "m"};
    chunk.tool_calls.push_back({.index = 0, .id = "c1", .name = "f"});
    CHECK(data_of(chunk).ends_with(
        R"("delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":)"
        R"({"name":"f","arguments":""}}]},"finish_reason":null}]})"
    ));
    chunk.tool_calls.front() = {.index = 1, .arguments = R"({"a":1})"};
    CHECK(data_of(chunk).ends_with(
        R"("delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"a\":1}"}}]},)"
        R"("finish_reason":null}]})"
    ));
    Answer answer{"chatcmpl-1", 7, "m", "", {}, "tool_calls", {}};
    answer.tool_calls.push_back({"c1", "f", "{}"});
    CHECK(
        dump_json(to_json(answer)["choices"][0]["message"]) ==
        R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",)"
        R"("function":{"name":"f","arguments":"{}"}}]})"
    );
    answer.content = "x";
    CHECK(to_json(answer)["choices"][0]["message"]["content"] == "x");
}

TEST_CASE("completions: what is written is read as the same event") {
    Chunk calls{.id = "chatcmpl-1", .created = 7, .model = "m"};
    calls.tool_calls = {{0, "c1", "f", ""}, {1, std::nullopt, std::nullopt, "{}"}};
    Answer called{"chatcmpl-1", 7, "m", "text", {}, "tool_calls", {}};
    called.tool_calls = {{"c1", "f", "{}"}, {"c2", "g", ""}};
    const ParsedAnswer whole_calls = parse_answer(dump_json(to_json(called)));
    CHECK(rules_of(whole_calls.notes).empty());
    REQUIRE(whole_calls.body);
    CHECK(std::get<Answer>(*whole_calls.body) == called);
    Chunk usage_only{.id = "chatcmpl-1", .created = 7, .model = "m", .has_choice = false};
    usage_only.usage = Usage{3, 4, 7, {}, {}};
    const std::vector<Event> events{
        full(),
        usage_only,
        calls,
        Chunk{.id = "chatcmpl-x", .created = 0, .model = "\"q\"", .content = "[DONE]\n\ndata: x"},
        ErrorObject{.message = "no", .type = "server_error", .code = "c", .param = "p"},
        ErrorObject{.message = "no", .type = "server_error", .code = "c"},
        Done{},
    };
    for (const Event& event : events) {
        const std::string data = data_of(event);
        CAPTURE(data);
        const Parsed parsed = parse_event(data);
        CHECK(rules_of(parsed.notes).empty());
        REQUIRE(parsed.event);
        CHECK(*parsed.event == event);
    }
    const Answer whole{"chatcmpl-1", 7, "m", "text", {}, "length", Usage{3, 4, 7, 1, 2}};
    const ParsedAnswer parsed = parse_answer(dump_json(to_json(whole)));
    CHECK(rules_of(parsed.notes).empty());
    REQUIRE(parsed.body);
    CHECK(std::get<Answer>(*parsed.body) == whole);
}

TEST_CASE("completions: what is wrong with an event is noted with its rule") {
    const std::vector<Row> rows{
        {"done", "[DONE]", ""},
        {"done is written exactly so", " [DONE]", "J1"},
        {"no JSON", "{", "J1"},
        {"array", "[]", "J1"},
        {"role", delta(R"({"role":"assistant","content":""})"), ""},
        {"empty object", "{}", "C6 C6 C6 C6 C6"},
        {"id of another sort",
         R"({"id":"x","object":"chat.completion.chunk","created":7,"model":"m","choices":[]})",
         "C6"},
        {"id without more",
         R"({"id":"chatcmpl-","object":"chat.completion.chunk","created":7,"model":"m","choices":[]})",
         "C6"},
        {"a whole answer's object", answer("[]"), "C6"},
        {"milliseconds",
         R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000000,"model":"m","choices":[]})",
         "C6"},
        {"created as text",
         R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":"7","model":"m","choices":[]})",
         "C6"},
        {"a double that is whole",
         R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7.0,"model":"m","choices":[]})",
         ""},
        {"no model",
         R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"","choices":[]})",
         "C6"},
        {"choices as object", chunk("{}"), "C6"},
        {"two choices",
         chunk(
             R"([{"index":0,"delta":{},"finish_reason":null},{"index":1,"delta":{},"finish_reason":null}])"
         ),
         "C6"},
        {"an index that is a whole double",
         chunk(R"([{"index":0.0,"delta":{},"finish_reason":null}])"),
         ""},
        {"another index", chunk(R"([{"index":1,"delta":{},"finish_reason":null}])"), "C6"},
        {"choice is not an object", chunk("[7]"), "C6 C10 C6"},
        {"no delta", chunk(R"([{"index":0,"finish_reason":null}])"), "C6"},
        {"content is null", delta(R"({"content":null})"), "C6"},
        {"role is a number", delta(R"({"role":1,"content":"x"})"), "C6"},
        {"no finish_reason", chunk(R"([{"index":0,"delta":{"content":"x"}}])"), "C10"},
        {"finish_reason error", chunk(R"([{"index":0,"delta":{},"finish_reason":"error"}])"), "C10"
        },
        {"finish_reason false", chunk(R"([{"index":0,"delta":{},"finish_reason":false}])"), "C10"},
        {"usage null", chunk("[]", R"(,"usage":null)"), ""},
        {"usage is a number", chunk("[]", R"(,"usage":3)"), "C13"},
        {"a count is missing",
         chunk("[]", R"(,"usage":{"prompt_tokens":1,"completion_tokens":1})"),
         "C13"},
        {"counts below zero and in parts",
         chunk(
             "[]", R"(,"usage":{"prompt_tokens":-1,"completion_tokens":0.5,"total_tokens":1e99})"
         ),
         "C13 C13 C13"},
        {"details of another sort",
         chunk(
             "[]",
             R"(,"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"prompt_tokens_details":3})"
         ),
         "C13"},
        {"estimated counts",
         chunk(
             "[]",
             R"(,"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"estimated":true})"
         ),
         "C18"},
        {"error", R"({"error":{"message":"m","type":"t","param":null,"code":"c"}})", ""},
        {"error without param", R"({"error":{"message":"m","type":"t","code":"c"}})", "C14"},
        {"error with an empty message",
         R"({"error":{"message":"","type":"t","param":null,"code":"c"}})",
         "C14"},
        {"error whose code is null",
         R"({"error":{"message":"m","type":"t","param":"p","code":null}})",
         "C14"},
        {"error as text", R"({"error":"boom"})", "C14"},
        {"error with a neighbour",
         R"({"error":{"message":"m","type":"t","param":null,"code":"c"},"status":500})",
         "C18"},
        {"error beside choices",
         R"({"choices":[],"error":{"message":"m","type":"t","param":null,"code":"c"}})",
         "C14"},
        {"error that is null", R"({"error":null})", "C6 C6 C6 C6 C6"},
        {"no tool call", delta(R"({"content":"x","tool_calls":[]})"), ""},
        {"tool calls that are no array", delta(R"({"content":"x","tool_calls":{}})"), "C21"},
        {"a tool call that is no object", delta(R"({"content":"x","tool_calls":[1]})"), "C21"},
        {"a tool call without a function", delta(R"({"tool_calls":[{"index":0}]})"), "C21"},
        {"a tool call with another member",
         delta(R"({"tool_calls":[{"index":0,"x":1,"function":{"arguments":""}}]})"),
         "C18"},
        {"null members say nothing", delta(R"({"content":"x","tool_calls":null})"), ""},
        {"fingerprint", chunk("[]", R"(,"system_fingerprint":"f","service_tier":"default")"), ""},
        {"lone surrogate", delta(R"({"content":"\ud800"})"), "J5"},
        {"key twice", delta(R"({"content":"a","content":"b"})"), "J6"},
        {"prototype", delta(R"({"content":"a","__proto__":1})"), "J7 C18"},
        {"too deep", std::string(600, '['), "W2"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(rules_of(parse_event(row.data).notes) == row.rules);
    }
}

TEST_CASE("completions: what is wrong with a whole answer is noted with its rule") {
    const std::vector<Row> rows{
        {"good", answer(k_choice), ""},
        {"empty", "", "C19"},
        {"text", "\"x\"", "C19"},
        {"cut", answer(k_choice).substr(0, 60), "C19"},
        {"two objects", answer(k_choice) + answer(k_choice), "C19"},
        {"invalid UTF-8", answer(k_choice, ",\"service_tier\":\"\xFF\""), "S1"},
        {"nothing in it", "{}", "C20 C20 C20 C20 C20"},
        {"no choice", answer("[]"), "C20"},
        {"a delta in it",
         answer(R"([{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}])"),
         "C18 C20"},
        {"content null",
         answer(
             R"([{"index":0,"message":{"role":"assistant","content":null},"finish_reason":"stop"}])"
         ),
         "C20"},
        {"another role",
         answer(R"([{"index":0,"message":{"role":"user","content":"x"},"finish_reason":"stop"}])"),
         "C20"},
        {"no reason",
         answer(R"([{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":null}])"
         ),
         "C20"},
        {"unknown reason",
         answer(
             R"([{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"error"}])"
         ),
         "C20"},
        {"a chunk", chunk(R"([{"index":0,"delta":{},"finish_reason":null}])"), "C20 C18 C20 C20"},
        {"error", R"({"error":{"message":"m","type":"t","param":"n","code":"c"}})", ""},
        {"error of another sort", R"({"error":{"message":"m"}})", "C14 C14 C14"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(rules_of(parse_answer(row.data).notes) == row.rules);
    }
}

TEST_CASE("completions: a lone surrogate is read as one that can be written again") {
    const Parsed parsed = parse_event(delta(R"({"content":"a\ud800b"})"));
    REQUIRE(parsed.event);
    CHECK(std::get<Chunk>(*parsed.event).content == "a\uFFFDb");
}
