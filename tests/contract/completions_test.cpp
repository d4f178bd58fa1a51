// Profile chat-completions: each rule is found and nothing else, wherever the bytes are cut.
#include "oa_stream/base/json.hpp"
#include "oa_stream/contract/report.hpp"
#include "oa_stream/wire/sse.hpp"

#include "completions_stream.hpp"
#include "support.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <map>

using namespace oa_stream;
using namespace oa_stream::contract;

namespace {

using Rules = std::set<std::string>;

Judgement judged(std::string_view bytes, std::size_t cut = k_whole) {
    return judge_bytes(bytes, cut, Profile::chat_completions);
}

Rules found(const Judgement& judgement) {
    Rules out = ids(judgement.violations);
    out.merge(ids(judgement.warnings));
    return out;
}

std::string frames(const std::vector<std::string>& data) {
    std::string out;
    for (const std::string& one : data) {
        wire::append_sse_data(out, one);
    }
    return out;
}

std::string chunk(std::string_view rest, std::string_view id = "chatcmpl-1", int created = 7) {
    return R"({"id":")" + std::string(id) + R"(","object":"chat.completion.chunk","created":)" +
           std::to_string(created) + R"(,"model":"m",)" + std::string(rest) + "}";
}
std::string delta(std::string_view of, std::string_view finish = "null") {
    return chunk(
        R"("choices":[{"index":0,"delta":)" + std::string(of) + R"(,"finish_reason":)" +
        std::string(finish) + "}]"
    );
}
std::string usage(int prompt, int completion, int total) {
    return chunk(
        R"("choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
        R"(,"completion_tokens":)" + std::to_string(completion) + R"(,"total_tokens":)" +
        std::to_string(total) + "}"
    );
}
std::string error_object(std::string_view type, std::string_view code = "stalled") {
    return R"({"error":{"message":"m","type":")" + std::string(type) +
           R"(","param":null,"code":")" + std::string(code) + "\"}}";
}

const std::string k_role = delta(R"({"role":"assistant","content":""})");
const std::string k_text = delta(R"({"content":"Hi"})");
const std::string k_stop = delta("{}", "\"stop\"");
const std::string k_usage = usage(3, 4, 7);
const std::string k_error = error_object("server_error");
const std::string k_done = "[DONE]";
const std::string k_answer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]})";

const std::string k_call_list =
    R"("tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}])";
const std::string k_call = delta("{" + k_call_list + "}");
const std::string k_arguments =
    delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})");
const std::string k_whole_call = delta(
    R"({"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]})"
);
std::string with_id(std::string_view index, std::string_view id, std::string_view function) {
    return delta(
        R"({"tool_calls":[{"index":)" + std::string(index) + R"(,"id":")" + std::string(id) +
        R"(","type":"function","function":{)" + std::string(function) + "}}]}"
    );
}
const std::string k_next_call = with_id("1", "c2", R"("name":"f","arguments":"")");
const std::string k_next_arguments =
    delta(R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})");
const std::string k_called = delta("{}", "\"tool_calls\"");
const std::string k_called_answer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",)"
    R"("function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})";

struct Row {
    std::string_view name;
    std::string bytes;
    Rules want;
};

const std::vector<Row> k_rows{
    {"whole", frames({k_role, k_text, k_text, k_stop, k_usage, k_done}), {}},
    {"empty answer", frames({k_role, k_stop, k_done}), {}},
    {"failed at once", frames({k_role, k_error}), {}},
    {"failed with usage", frames({k_role, k_text, k_usage, k_error}), {}},
    {"role without content", frames({delta(R"({"role":"assistant"})"), k_stop, k_done}), {}},
    {"pings", ": ping\n\n" + frames({k_role}) + ": ping\n\n" + frames({k_stop, k_done}), {}},
    {"nothing", "", {"C17"}},
    {"pings alone", ": ping\n\n", {"C17"}},
    {"no JSON", frames({k_role, "x", k_stop, k_done}), {"J1"}},
    {"event: without data",
     frames({k_role}) + "event: ping\n\n" + frames({k_stop, k_done}),
     {"J1", "S6"}},
    {"other fields without data", frames({k_role}) + "id: 7\n\n" + frames({k_stop, k_done}), {"S6"}
    },
    {"member of the wrong type",
     frames({k_role, delta(R"({"content":7})"), k_stop, k_done}),
     {"C6", "C9"}},
    {"another id",
     frames(
         {k_role,
          chunk(R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}])", "chatcmpl-2"),
          k_done}
     ),
     {"C7"}},
    {"another time",
     frames(
         {k_role,
          chunk(R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}])", "chatcmpl-1", 8),
          k_done}
     ),
     {"C7"}},
    {"no role", frames({k_text, k_stop, k_done}), {"C8"}},
    {"role twice", frames({k_role, k_role, k_stop, k_done}), {"C8"}},
    {"role late", frames({k_text, k_role, k_stop, k_done}), {"C8"}},
    {"another role", frames({delta(R"({"role":"user"})"), k_stop, k_done}), {"C8"}},
    {"role with text",
     frames({delta(R"({"role":"assistant","content":"Hi"})"), k_stop, k_done}),
     {"C8"}},
    {"error before the role", frames({k_error}), {"C8"}},
    {"empty content", frames({k_role, delta(R"({"content":""})"), k_stop, k_done}), {"C9"}},
    {"empty delta", frames({k_role, delta("{}"), k_stop, k_done}), {"C9"}},
    {"unknown reason", frames({k_role, k_text, delta("{}", "\"error\""), k_done}), {"C10"}},
    {"no finish_reason",
     frames({k_role, chunk(R"("choices":[{"index":0,"delta":{"content":"x"}}])"), k_stop, k_done}),
     {"C10"}},
    {"two finishes", frames({k_role, k_stop, k_stop, k_done}), {"C11"}},
    {"text after the finish", frames({k_role, k_stop, k_text, k_done}), {"C11"}},
    {"text on the finish",
     frames({k_role, delta(R"({"content":"Hi"})", "\"stop\""), k_done}),
     {"C11"}},
    {"usage before the finish", frames({k_role, k_usage, k_stop, k_done}), {"C12"}},
    {"usage twice", frames({k_role, k_stop, k_usage, k_usage, k_done}), {"C12"}},
    {"usage on the finish",
     frames(
         {k_role,
          chunk(
              R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2})"
          ),
          k_done}
     ),
     {"C12"}},
    {"no choice and no usage", frames({k_role, chunk(R"("choices":[])"), k_stop, k_done}), {"C12"}},
    {"a sum that is none", frames({k_role, k_stop, usage(3, 4, 8), k_done}), {"C13"}},
    {"all zero beside text", frames({k_role, k_text, k_stop, usage(0, 0, 0), k_done}), {"C13"}},
    {"all zero without text", frames({k_role, k_stop, usage(0, 0, 0), k_done}), {}},
    {"a count in parts",
     frames(
         {k_role,
          k_stop,
          chunk(
              R"("choices":[],"usage":{"prompt_tokens":1.5,"completion_tokens":0,"total_tokens":0})"
          ),
          k_done}
     ),
     {"C13"}},
    {"error of the request", frames({k_role, error_object("invalid_request_error")}), {}},
    {"error of another type", frames({k_role, error_object("overloaded_error")}), {"C14"}},
    {"error beside choices", frames({k_role, R"({"choices":[],)" + k_error.substr(1)}), {"C14"}},
    {"error without members", frames({k_role, R"({"error":{}})"}), {"C14"}},
    {"two errors", frames({k_role, k_error, k_error}), {"C15"}},
    {"error after the finish", frames({k_role, k_stop, k_error}), {"C15"}},
    {"[DONE] after the error", frames({k_role, k_error, k_done}), {"C15"}},
    {"a ping after the error", frames({k_role, k_error}) + ": ping\n\n", {"C15"}},
    {"[DONE] twice", frames({k_role, k_stop, k_done, k_done}), {"C16"}},
    {"[DONE] without a finish", frames({k_role, k_text, k_done}), {"C16"}},
    {"text after [DONE]", frames({k_role, k_stop, k_done, k_text}), {"C11", "C16"}},
    {"a ping after [DONE]", frames({k_role, k_stop, k_done}) + ": ping\n\n", {"C16"}},
    {"a silent end", frames({k_role, k_text}), {"C17"}},
    {"a silent end behind usage", frames({k_role, k_text, k_usage}), {"C17"}},
    {"no [DONE]", frames({k_role, k_text, k_stop}), {"C17"}},
    {"[DONE] without its empty line", frames({k_role, k_stop}) + "data: [DONE]\n", {"C17", "S5"}},
    {"a member of none",
     frames({k_role, delta(R"({"content":"x","function_call":{}})"), k_stop, k_done}),
     {"C18"}},
    {"tool calls", frames({k_role, k_call, k_arguments, k_text, k_called, k_done}), {}},
    {"a whole tool call on one chunk", frames({k_role, k_whole_call, k_called, k_done}), {}},
    {"a tool call beside null",
     frames({k_role, delta(R"({"content":null,)" + k_call_list + "}"), k_called, k_done}),
     {}},
    {"a tool call that ends with stop", frames({k_role, k_call, k_stop, k_done}), {"C21"}},
    {"a tool call that the limit cut",
     frames({k_role, k_call, delta("{}", "\"length\""), k_done}),
     {}},
    {"tool_calls without a call", frames({k_role, k_text, k_called, k_done}), {"C21"}},
    {"a tool call without id",
     frames(
         {k_role,
          delta(R"({"tool_calls":[{"index":0,"type":"function","function":{"name":"f"}}]})"),
          k_called,
          k_done}
     ),
     {"C21"}},
    {"arguments of no call", frames({k_role, k_arguments, k_called, k_done}), {"C21"}},
    {"a tool call named twice", frames({k_role, k_call, k_call, k_called, k_done}), {"C21"}},
    {"a tool call without type",
     frames(
         {k_role,
          delta(R"({"tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]})"),
          k_called,
          k_done}
     ),
     {"C21"}},
    {"tool calls side by side, their pieces in turn",
     frames({k_role, k_call, k_next_call, k_arguments, k_next_arguments, k_called, k_done}),
     {}},
    {"the second of two tool calls named twice",
     frames({k_role, k_call, k_next_call, k_next_call, k_called, k_done}),
     {"C21"}},
    {"an id on every piece of a tool call",
     frames({k_role, k_call, with_id("0", "c1", R"("arguments":"{}")"), k_called, k_done}),
     {}},
    {"a tool call whose id changes",
     frames({k_role, k_call, with_id("0", "c9", R"("arguments":"{}")"), k_called, k_done}),
     {"C21"}},
    {"two tool calls of one id",
     frames({k_role, k_call, with_id("1", "c1", R"("name":"g")"), k_called, k_done}),
     {"C21"}},
    {"an index that is skipped",
     frames(
         {k_role,
          delta(R"({"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f"}}]})"
          ),
          k_called,
          k_done}
     ),
     {"C21"}},
    {"tool calls that are no array",
     frames({k_role, delta(R"({"content":"x","tool_calls":{}})"), k_stop, k_done}),
     {"C21"}},
    {"a tool call on the finish",
     frames({k_role, delta("{" + k_call_list + "}", "\"tool_calls\""), k_done}),
     {"C11"}},
    {"an answer of tool calls", k_called_answer, {}},
    {"an answer of two tool calls of one id",
     std::string(k_called_answer)
         .insert(
             k_called_answer.find("]}"),
             R"(,{"id":"c","type":"function","function":{"name":"g","arguments":"{}"}})"
         ),
     {"C21"}},
    {"an answer of tool calls that says stop",
     std::string(k_called_answer).replace(k_called_answer.find("\"tool_calls\"}"), 12, "\"stop\""),
     {"C21"}},
    {"an answer with a tool call without a name",
     std::string(k_called_answer).replace(k_called_answer.find(R"("name":"f",)"), 11, ""),
     {"C21"}},
    {"a UI stream", std::string(k_good), {"C12", "C6", "C7", "C8", "C16", "C18"}},
    {"an answer", k_answer, {}},
    {"an answer over lines, with space around", "\n  " + k_answer + "\n", {}},
    {"as much space as an answer may have", std::string(4096, ' ') + k_answer, {}},
    {"more space than an answer has", std::string(4097, '\n') + frames({k_role, k_stop, k_done}), {}
    },
    {"more space than an answer has, and an answer",
     std::string(4097, ' ') + k_answer,
     {"C17", "S5", "S6"}},
    {"an error", error_object("invalid_request_error", "invalid_json"), {}},
    {"an answer that was cut", k_answer.substr(0, k_answer.size() - 3), {"C19"}},
    {"another object", "{}", {"C20"}},
    {"an answer whose counts do not add up",
     k_answer.substr(0, k_answer.size() - 1) +
         R"(,"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":3}})",
     {"C13"}},
    {"an answer with all zero counts",
     k_answer.substr(0, k_answer.size() - 1) +
         R"(,"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}})",
     {"C13"}},
    {"an answer with a key twice",
     k_answer.substr(0, k_answer.size() - 1) + R"(,"model":"m"})",
     {"J6"}},
};

ResponseHead stream_head() {
    return {
        .status = 200,
        .headers =
            {
                {"Content-Type", "text/event-stream; charset=utf-8"},
                {"Cache-Control", "no-cache, no-transform"},
                {"X-Accel-Buffering", "no"},
                {"X-Should-Retry", "false"},
                {"X-Conc-Limit", "4"},
                {"X-Conc-Active", "1"},
                {"X-Request-Id", "r1"},
            },
    };
}

ResponseHead json_head(int status, std::vector<std::pair<std::string, std::string>> more = {}) {
    ResponseHead head{
        .status = status,
        .headers =
            {
                {"content-type", "application/json"},
                {"x-request-id", "r1"},
                {"x-conc-limit", "4"},
                {"x-conc-active", "1"},
                {"content-length", "9"},
            },
    };
    head.headers.insert(head.headers.end(), more.begin(), more.end());
    return head;
}

Judgement with_head(const ResponseHead& head, std::string_view bytes) {
    Judge judge(Profile::chat_completions);
    judge.head(head);
    feed(judge, bytes, 3);
    return judge.finish();
}

std::mt19937 repeatable() {
    return std::mt19937(11); // NOLINT(bugprone-random-generator-seed): must repeat
}

} // namespace

TEST_CASE("chat-completions: each rule is found, and nothing else, at every cut") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            const Judgement whole = judged(row.bytes);
            CHECK(found(whole) == row.want);
            for (const std::size_t cut : {1U, 2U, 7U, 64U}) {
                CHECK(listed(judged(row.bytes, cut)) == listed(whole));
            }
        }
    }
}

TEST_CASE("chat-completions: every rule that bytes can break is in the table of breaches") {
    Rules broken;
    for (const Row& row : k_rows) {
        broken.insert(row.want.begin(), row.want.end());
    }
    for (const Rule& rule : all_rules()) {
        const bool own = rule.scope == Scope::completions ||
                         rule.scope == Scope::completions_stream ||
                         rule.scope == Scope::completions_whole;
        if (own && rule.input == Input::bytes) {
            CHECK(broken.contains(std::string(rule.id)));
        }
    }
}

TEST_CASE("chat-completions: the response head is held to what stands behind it") {
    const std::string stream = frames({k_role, k_stop, k_done});
    const std::string refused = error_object("rate_limit_error", "concurrency_exceeded");
    const auto without = [](ResponseHead head, std::string_view name) {
        std::erase_if(head.headers, [&](const auto& one) { return one.first == name; });
        return head;
    };
    struct HeadRow {
        std::string_view name;
        ResponseHead head;
        std::string bytes;
        Rules want;
    };
    const std::vector<HeadRow> rows{
        {"stream", stream_head(), stream, {}},
        {"type", without(stream_head(), "Content-Type"), stream, {"H2"}},
        {"cache", without(stream_head(), "Cache-Control"), stream, {"H3"}},
        {"buffering", without(stream_head(), "X-Accel-Buffering"), stream, {"H5"}},
        {"retry", without(stream_head(), "X-Should-Retry"), stream, {"C2"}},
        {"limit", without(stream_head(), "X-Conc-Limit"), stream, {"C5"}},
        {"stream without a byte", stream_head(), "", {"C17"}},
        {"answer", json_head(200), k_answer, {}},
        {"answer as a stream", stream_head(), k_answer, {"C4"}},
        {"stream as an answer",
         json_head(
             200,
             {{"cache-control", "no-cache, no-transform"},
              {"x-accel-buffering", "no"},
              {"x-should-retry", "false"}}
         ),
         stream,
         {"H2", "H6"}},
        {"answer without a byte", json_head(200), "", {"C19"}},
        {"no request id", without(json_head(200), "x-request-id"), k_answer, {"C5"}},
        {"error", json_head(400), error_object("invalid_request_error"), {}},
        {"error without the limit",
         without(json_head(404), "x-conc-limit"),
         error_object("invalid_request_error"),
         {}},
        {"error of a type that does not fit",
         json_head(502),
         error_object("invalid_request_error"),
         {"C14"}},
        {"lost turn", json_head(502), k_error, {}},
        {"error under 200", json_head(200), k_error, {"C1"}},
        {"answer under 502", json_head(502), k_answer, {"C1"}},
        {"page under 502", json_head(502), "<html>", {"C1", "C19"}},
        {"stream under 502", json_head(502), stream, {"C1", "C19"}},
        {"too many turns", json_head(429, {{"retry-after", "1"}}), refused, {}},
        {"too many turns, and no time", json_head(429), refused, {"C3"}},
        {"too many turns, and no retry",
         json_head(429, {{"retry-after", "1"}, {"x-should-retry", "false"}}),
         refused,
         {"C3"}},
        {"draining, and no time",
         json_head(503),
         error_object("server_error", "server_draining"),
         {"C3"}},
        {"quota that is used up",
         json_head(429, {{"x-should-retry", "false"}}),
         error_object("rate_limit_error", "insufficient_quota"),
         {}},
        {"redirect", json_head(302), "", {"C1", "C19"}},
    };
    for (const HeadRow& row : rows) {
        DYNAMIC_SECTION(row.name) {
            CHECK(found(with_head(row.head, row.bytes)) == row.want);
        }
    }
}

TEST_CASE("chat-completions: what is not judged is told, by the kind of answer") {
    const auto told = [](std::string_view bytes) {
        Judge judge(Profile::chat_completions);
        judge.feed(bytes);
        const Judgement judgement = judge.finish(End::unknown);
        std::string out(to_string(judgement.answer));
        for (const std::string_view id : judgement.not_judged) {
            out.append(" ").append(id);
        }
        return out;
    };
    CHECK(told(frames({k_role, k_stop, k_done})) == "stream H2 H3 H5 H6 W3 C1 C2 C5");
    CHECK(told(k_answer) == "whole W3 C1 C3 C4 C5");
    CHECK(told(k_error) == "error W3 C1 C3 C4 C5");
    CHECK(with_head(stream_head(), frames({k_role, k_stop, k_done})).not_judged.empty());
}

TEST_CASE("chat-completions: a body of any kind that breaks off is a breach of transport") {
    for (const std::string& bytes : {frames({k_role, k_stop, k_done}), k_answer}) {
        Judge judge(Profile::chat_completions);
        judge.feed(bytes);
        CHECK(ids(judge.finish(false).violations) == Rules{"W3"});
    }
}

TEST_CASE("chat-completions: events are handed on as they are read") {
    Judge judge(Profile::chat_completions);
    std::vector<std::uint64_t> offsets;
    judge.on_completion([&](const wire::completions::Event&, std::uint64_t offset) {
        offsets.push_back(offset);
    });
    judge.feed(frames({k_role}));
    CHECK(offsets == std::vector<std::uint64_t>{0});
    CHECK_FALSE(judge.done());
    judge.feed(frames({k_stop, k_done}));
    CHECK(offsets.size() == 3);
    CHECK(judge.done());
}

TEST_CASE("chat-completions: an answer longer than is read of a frame is not read at all") {
    Judge judge(Profile::chat_completions);
    judge.feed("{\"x\":\"");
    const std::string filler(1U << 20U, 'x');
    for (int i = 0; i < 33; ++i) {
        judge.feed(filler);
    }
    CHECK(ids(judge.finish().violations) == Rules{"W1"});

    constexpr std::size_t k_most = wire::SseLimits{}.event;
    const std::string longest = k_answer + std::string(k_most - k_answer.size(), ' ');
    CHECK(found(judged(longest)).empty());
    CHECK(found(judged(longest + ' ')) == Rules{"W1"});
}

TEST_CASE("chat-completions: what is missing at the end is named") {
    const auto told = [](const std::string& bytes) {
        const Judgement judgement = judged(bytes);
        REQUIRE(judgement.violations.size() == 1);
        return judgement.violations.front().message;
    };
    CHECK(told("") == "no frame at all");
    CHECK(told(frames({k_role, k_text})) == "neither a finish nor an error");
    CHECK(told(frames({k_role, k_text, k_stop})) == "no [DONE]");
}

TEST_CASE("chat-completions: a long stream may come in one piece") {
    std::string bytes = frames({k_role});
    for (int i = 0; i < 33; ++i) {
        bytes += ": " + std::string(1U << 20U, 'x') + "\n\n";
    }
    bytes += frames({k_stop, k_done});
    const Judgement judgement = judged(bytes);
    CHECK(listed(judgement).empty());
    CHECK(judgement.frames == 3);
}

TEST_CASE("chat-completions: the report says what was judged") {
    const Judgement whole = judged(k_answer);
    CHECK(to_json(whole, Profile::chat_completions).at("answer") == "whole");
    CHECK(to_text(whole, Profile::chat_completions, "a.json")
              .starts_with("PASS  a.json: 0 violations, 0 warnings in one whole answer ("));
    CHECK(to_text(judged(k_error), Profile::chat_completions, "a.json").contains("one error answer")
    );
}

TEST_CASE("chat-completions: the kit's transcripts break no rule") {
    const std::filesystem::path folder = OA_SOURCE_DIR "/fixtures/completions";
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        CAPTURE(entry.path());
        std::string text = slurp(entry.path());
        for (const auto& [from, to] : std::map<std::string, std::string>{
                 {"\"<created>\"", "7"}, {"<id>", "chatcmpl-1"}, {"<failure-class>", "turn_failed"}
             }) {
            for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
                text.replace(at, from.size(), to);
            }
        }
        const Json golden = Json::parse(text);
        const Json& response = golden.at("response");
        Judge judge(Profile::chat_completions);
        const int status = response.at("status").get<int>();
        if (response.contains("events")) {
            judge.head(stream_head());
            for (const Json& event : response.at("events")) {
                std::string frame;
                wire::append_sse_data(
                    frame, event.is_string() ? event.get<std::string>() : dump_json(event)
                );
                judge.feed(frame);
            }
        } else {
            judge.head(json_head(status, {{"retry-after", "1"}}));
            judge.feed(dump_json(response.at("body")));
        }
        CHECK(listed(judge.finish()).empty());
        ++count;
    }
    CHECK(count == 10);
}

TEST_CASE("chat-completions: random legal streams break no rule, at random cuts") {
    std::mt19937 random = repeatable();
    for (int i = 0; i < 300; ++i) {
        const std::string bytes = written(random_completion(random));
        CAPTURE(bytes);
        CHECK(listed(judge_in_pieces(bytes, Profile::chat_completions, random)).empty());
    }
}

TEST_CASE("chat-completions: a dropped, copied or moved event is caught, unless that is legal") {
    std::mt19937 random = repeatable();
    std::map<std::string_view, std::size_t> legal;
    std::size_t caught = 0;
    const auto expect = [&](const CompletionEvents& mutated, std::string_view why) {
        const bool clean = listed(judged(written(mutated))).empty();
        ++(why.empty() ? caught : legal[why]);
        if (clean == why.empty()) {
            CAPTURE(why, written(mutated));
            CHECK(clean != why.empty());
        }
    };
    for (int i = 0; i < 60; ++i) {
        const CompletionEvents stream = random_completion(random);
        for (std::size_t at = 0; at < stream.size(); ++at) {
            CompletionEvents mutated = stream;
            mutated.erase(mutated.begin() + static_cast<std::ptrdiff_t>(at));
            expect(mutated, legal_to_drop(stream, at));
            for (std::size_t to = 0; to <= stream.size(); ++to) {
                mutated = stream;
                mutated.insert(mutated.begin() + static_cast<std::ptrdiff_t>(to), stream[at]);
                expect(mutated, legal_to_copy(stream, at, to));
            }
            if (at + 1 < stream.size()) {
                mutated = stream;
                std::swap(mutated[at], mutated[at + 1]);
                expect(mutated, legal_to_swap(stream, at));
            }
        }
    }
    CHECK(caught > 1500);
    CHECK(legal.size() == 4);
}
