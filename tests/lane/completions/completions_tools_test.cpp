#include "../../support/cpu_time.hpp"
#include "completions/completions_tools.hpp"
#include "refusal.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

constexpr std::string_view k_hi = R"([{"role":"user","content":"hi"}])";
constexpr std::string_view k_two =
    R"("tools":[{"type":"function","function":{"name":"f","description":"d",)"
    R"("parameters":{"type":"object","properties":{"x":{}}}}},)"
    R"({"type":"function","function":{"name":"g"}}])";

Accepted<CompletionsRequest>
ask(std::string_view members, std::string_view messages = k_hi, bool tools = true) {
    const auto body = fmt::format(
        R"({{"model":"m","messages":{}{}{}}})", messages, members.empty() ? "" : ",", members
    );
    return read_completions_request(
        parse_json(body).value(), CompletionsContext{.images = true, .tools = tools}
    );
}

constexpr std::string_view k_picture =
    R"([{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,)"
    R"(iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="}}])";

std::string named(std::string_view name) {
    return fmt::format(R"("tools":[{{"type":"function","function":{{"name":"{}"}}}}])", name);
}

/// "f g, one, must, [ignored]"
std::string offered(const Accepted<CompletionsRequest>& request) {
    if (!request) {
        return refusal(request);
    }
    std::string out;
    for (const auto& tool : request->tools) {
        out += (out.empty() ? "" : " ") + tool.name;
    }
    out += request->demands.one_call ? ", one" : "";
    out += request->demands.must_call ? ", must" : "";
    return request->ignored.empty()
               ? out
               : out + fmt::format(", [{}]", fmt::join(request->ignored.listed(), " "));
}

/// "user:a | assistant:b f(c1,{}) | tool:c1=r | > next"
std::string told(const Accepted<CompletionsRequest>& request) {
    if (!request) {
        return refusal(request);
    }
    using Role = authority::SeedMessage::Role;
    std::string out;
    for (const auto& message : request->seed) {
        if (message.role == Role::tool) {
            out += fmt::format(
                "tool:{}={} | ",
                message.answers,
                message.parts.empty() ? message.text : fmt::format("{} parts", message.parts.size())
            );
            continue;
        }
        out += message.role == Role::user ? "user:" : "assistant:";
        out += message.parts.empty() ? message.text : fmt::format("{} parts", message.parts.size());
        for (const auto& call : message.calls) {
            out += fmt::format(" {}({},{})", call.name, call.id, call.arguments);
        }
        out += " | ";
    }
    out += ">";
    for (const auto& part : request->input) {
        const auto* text = std::get_if<authority::InputText>(&part);
        out += text != nullptr ? " " + text->text : " <image>";
    }
    return out;
}

std::string call(std::string_view id, std::string_view name = "f") {
    return fmt::format(
        R"({{"id":"{}","type":"function","function":{{"name":"{}","arguments":"{{}}"}}}})", id, name
    );
}
std::string made(std::string_view calls, std::string_view content = "null") {
    return fmt::format(R"({{"role":"assistant","content":{},"tool_calls":[{}]}})", content, calls);
}
std::string result(std::string_view id, std::string_view text = "r") {
    return fmt::format(R"({{"role":"tool","tool_call_id":"{}","content":"{}"}})", id, text);
}
std::string shown(std::string_view id) {
    return fmt::format(R"({{"role":"tool","tool_call_id":"{}","content":{}}})", id, k_picture);
}
std::string talk(std::vector<std::string> messages) {
    messages.insert(messages.begin(), R"({"role":"user","content":"a"})");
    return fmt::format("[{}]", fmt::join(messages, ","));
}

} // namespace

TEST_CASE("completions tools: what is offered to the model") {
    const std::string two(k_two);
    struct Row {
        std::string members;
        std::string offered;
    };
    const std::vector<Row> rows{
        {"", ""},
        {R"("tools":[])", ""},
        {two, "f g"},
        {two + R"(,"tool_choice":"auto","parallel_tool_calls":true)", "f g"},
        {two + R"(,"parallel_tool_calls":false)", "f g, one"},
        {two + R"(,"tool_choice":"none")", ""},
        {two + R"(,"tool_choice":"required")", "f g, must"},
        {two + R"(,"tool_choice":{"type":"function","function":{"name":"g"}})", "g, must"},
        {two + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto",)"
               R"("tools":[{"type":"function","function":{"name":"g"}}]}})",
         "g"},
        {two + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto",)"
               R"("tools":[{"type":"function","function":{"name":"g"}},)"
               R"({"type":"function","function":{"name":"g"}}]}})",
         "g"},
        {R"("tools":[{"type":"function","function":{"name":"f","strict":true}},)"
         R"({"type":"function","function":{"name":"g","strict":true}}])",
         "f g, [tools.function.strict]"},
        {R"("tools":[{"type":"function","function":{"name":"f","defer_loading":true,"async":false}}])",
         "f, [tools.function.defer_loading]"},
        {R"("tools":{})", "400 invalid_type tools"},
        {R"("tools":[1])", "400 invalid_type tools[0]"},
        {R"("tools":[{"type":"function"}])", "400 invalid_type tools[0].function"},
        {R"("tools":[{"type":"custom","custom":{}}])", "400 unsupported_value tools[0].type"},
        {R"("tools":[{"type":"function","function":{"name":""}}])",
         "400 invalid_value tools[0].function.name"},
        {R"("tools":[{"type":"function","function":{"name":"a.b"}}])",
         "400 invalid_value tools[0].function.name"},
        {R"("tools":[{"type":"function","function":{"name":"mcp__a__b"}},)"
         R"({"type":"function","function":{"name":"exec_command"}}])",
         "mcp__a__b exec_command"},
        {named("mcp__" + std::string(56, 'x')), "mcp__" + std::string(56, 'x')},
        {named("mcp__" + std::string(57, 'x')), "400 invalid_value tools[0].function.name"},
        {named(std::string(64, 'x')), std::string(64, 'x')},
        {named(std::string(65, 'x')), "400 invalid_value tools[0].function.name"},
        {R"("tools":[{"type":"function","function":{"name":"f","description":1}}])",
         "400 invalid_type tools[0].function.description"},
        {R"("tools":[{"type":"function","function":{"name":"f","parameters":[]}}])",
         "400 invalid_type tools[0].function.parameters"},
        {R"("tools":[{"type":"function","function":{"name":"f"}},)"
         R"({"type":"function","function":{"name":"f"}}])",
         "400 invalid_value tools[1].function.name"},
        {R"("parallel_tool_calls":"no")", "400 invalid_type parallel_tool_calls"},
        {R"("tool_choice":"required")", "400 invalid_value tool_choice"},
        {two + R"(,"tool_choice":"always")", "400 invalid_value tool_choice"},
        {two + R"(,"tool_choice":{"type":"function","function":{"name":"h"}})",
         "400 invalid_value tool_choice.function.name"},
        {two + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto"}})",
         "400 invalid_value tool_choice.allowed_tools.tools"},
        {R"("functions":[{"name":"f"}])", "400 unsupported_parameter functions"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.members);
        CHECK(offered(ask(row.members)) == row.offered);
    }
    std::string many;
    for (int i = 0; i < 129; ++i) {
        many +=
            fmt::format(R"({}{{"type":"function","function":{{"name":"f{}"}}}})", i ? "," : "", i);
    }
    CHECK(refusal(ask(R"("tools":[)" + many + "]")) == "400 invalid_value tools");
}

TEST_CASE("completions tools: of many members without effect some are named, and the rest counted"
) {
    std::string tools;
    for (int tool = 0; tool < 2; ++tool) {
        std::string members;
        for (int i = 0; i < 50; ++i) {
            members += fmt::format(R"(,"x{}":1)", i);
        }
        tools += fmt::format(
            R"({}{{"type":"function","function":{{"name":"f{}"{}}}}})",
            tool > 0 ? "," : "",
            tool,
            members
        );
    }
    const auto request = ask(fmt::format(R"("tools":[{}])", tools));
    REQUIRE(request.has_value());
    const auto names = request->ignored.listed();
    REQUIRE(names.size() == 33);
    CHECK(names.front() == "tools.function.x0");
    CHECK(names.back() == "and-18-more");
}

TEST_CASE("completions tools: texts to stop at are few, and none is empty or long") {
    const auto stop = [](std::vector<std::string> texts) {
        const auto request = ask(fmt::format(R"("stop":{})", dump_json(Json(std::move(texts)))));
        return request ? fmt::format("{}", request->demands.stop.size()) : refusal(request);
    };
    CHECK(stop({"a", "b", "c", std::string(256, 'd')}) == "4");
    CHECK(stop({"a", std::string(257, 'b')}) == "400 invalid_value stop");
    CHECK(stop({"a", ""}) == "400 invalid_value stop");
    CHECK(stop({"a", "b", "c", "d", "e"}) == "400 invalid_value stop");
}

TEST_CASE("completions tools: a function's schema is the client's, or an empty object's") {
    const auto request = ask(k_two);
    REQUIRE(request.has_value());
    CHECK(request->tools[0].description == "d");
    CHECK(dump_json(request->tools[0].parameters) == R"({"type":"object","properties":{"x":{}}})");
    CHECK(dump_json(request->tools[1].parameters) == R"({"type":"object","properties":{}})");
}

TEST_CASE("completions tools: a tuple of older drafts becomes one of its schemas, and is named") {
    const auto request =
        ask(R"("tools":[{"type":"function","function":{"name":"f","parameters":)"
            R"({"type":"object","properties":{"items":{"items":[{"type":"number"},{"items":[]}]}}})"
            R"(}}])");
    REQUIRE(request.has_value());
    CHECK(
        dump_json(request->tools[0].parameters) ==
        R"({"type":"object","properties":{"items":{"items":{"anyOf":)"
        R"([{"type":"number"},{"items":{}}]}}}})"
    );
    CHECK(request->ignored.listed() == std::vector<std::string>{"tools.function.parameters"});
}

TEST_CASE("completions tools: a reference into a tuple leads to the same schema as before") {
    const auto request = ask(
        R"("tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{)"
        R"("a/b":{"items":[{"prefixItems":[{"type":"number"}],"items":false},{"$ref":"#/x/0"}]},)"
        R"("c":{"$ref":"#/properties/a~1b/items/0/prefixItems/0"},)"
        R"("d":{"$ref":"#/properties/a~1b/items/0"},"e":{"$ref":"#/properties/c"}}}}}])"
    );
    REQUIRE(request.has_value());
    CHECK(
        dump_json(request->tools[0].parameters) ==
        R"({"properties":{"a/b":{"items":{"anyOf":[{"items":{"anyOf":[{"type":"number"}]}},)"
        R"({"$ref":"#/x/0"}]}},)"
        R"("c":{"$ref":"#/properties/a~1b/items/anyOf/0/items/anyOf/0"},)"
        R"("d":{"$ref":"#/properties/a~1b/items/anyOf/0"},"e":{"$ref":"#/properties/c"}}})"
    );
}

TEST_CASE("completions tools: a type that JSON Schema does not have is named") {
    const auto ignored = [](const char* type) {
        const auto request = ask(fmt::format(
            R"("tools":[{{"type":"function","function":{{"name":"f","parameters":)"
            R"({{"type":"object","properties":{{"a":{{"type":{}}}}}}}}}}}])",
            type
        ));
        return !request.value().ignored.listed().empty();
    };
    CHECK_FALSE(ignored(R"("integer")"));
    CHECK_FALSE(ignored(R"(["string","null"])"));
    CHECK(ignored(R"("date")"));
    CHECK(ignored(R"(["string","date"])"));
    CHECK(ignored("7"));
}

TEST_CASE("completions tools: a demanded call is told to the model") {
    const auto system = R"([{"role":"system","content":"s"},{"role":"user","content":"hi"}])";
    const auto any = ask(std::string(k_two) + R"(,"tool_choice":"required")", system);
    REQUIRE(any.has_value());
    CHECK(
        any->instructions ==
        "s\n\nCall at least one of your functions now. Do not answer without a call."
    );
    CHECK(ask(k_two, system)->instructions == "s");
    const auto one = ask(named("web_search") + R"(,"tool_choice":"required")");
    REQUIRE(one.has_value());
    CHECK(
        one->instructions == "Call the function fn_web_search now. Do not answer without a call."
    );
}

TEST_CASE("completions tools: calls and their results stay what they are") {
    struct Row {
        std::string messages;
        std::string_view told;
    };
    const std::vector<Row> rows{
        {talk({made(call("c1")), result("c1")}), "user:a | assistant: f(c1,{}) | tool:c1=r | >"},
        {talk({made(call("c1") + "," + call("c2", "g"), R"("b")"), result("c2"), result("c1", "")}),
         "user:a | assistant:b f(c1,{}) g(c2,{}) | tool:c2=r | tool:c1= | >"},
        {talk({made(call("c1")), result("c1"), R"({"role":"user","content":"z"})"}),
         "user:a | assistant: f(c1,{}) | tool:c1=r | > z"},
        {talk({made(call("c1")), result("c1"), R"({"role":"assistant","content":"z"})"}),
         "user:a | assistant: f(c1,{}) | tool:c1=r | assistant:z | > Continue."},
        {talk({made(call("c1")), result("c1"), made(call("c1")), result("c1")}),
         "user:a | assistant: f(c1,{}) | tool:c1=r | assistant: f(c1,{}) | tool:c1=r | >"},
        {R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url",)"
         R"("image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="}}]},{"role":"user","content":"z"}])",
         "user:2 parts | > z"},
        {talk({made(call("c1")), shown("c1")}), "user:a | assistant: f(c1,{}) | tool:c1=2 parts | >"
        },
        {talk({made(call("c1"), k_picture)}), "400 unsupported_value messages[1].content[1].type"},
        {talk({result("c1")}), "400 invalid_value messages[1].tool_call_id"},
        {talk({made(call("c1"))}), "400 invalid_value messages[1].tool_calls"},
        {talk({made(call("c1")), R"({"role":"user","content":"z"})"}),
         "400 invalid_value messages[1].tool_calls"},
        {talk({made(call("c1")), made(call("c2"))}), "400 invalid_value messages[1].tool_calls"},
        {talk({made(call("c1")), result("c1"), result("c1")}),
         "400 invalid_value messages[3].tool_call_id"},
        {talk({made(call("c1") + "," + call("c1"))}), "400 invalid_value messages[1].tool_calls"},
        {talk({made(call(""))}), "400 invalid_value messages[1].tool_calls[0].id"},
        {talk({made(call("c1", "a b"))}),
         "400 invalid_value messages[1].tool_calls[0].function.name"},
        {talk({made("5")}), "400 invalid_type messages[1].tool_calls[0]"},
        {talk({made(R"({"id":"c","type":"function","function":{"name":"f"}})")}),
         "400 invalid_type messages[1].tool_calls[0].function.arguments"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.messages);
        CHECK(told(ask("", row.messages)) == row.told);
    }
}

TEST_CASE("completions tools: results find their calls, however many are open") {
    std::vector<authority::SeedCall> calls;
    for (int i = 0; i < 100'000; ++i) {
        calls.push_back({fmt::format("call_{:032}", i), "f", "{}"});
    }
    const double begun_s = test::thread_cpu_seconds();
    OpenCalls open;
    CHECK(open.made(calls, "input[0]").has_value());
    CHECK_FALSE(open.none_open().has_value());
    bool all = true;
    for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
        all = all && open.answered(call->id, "input[1]").has_value();
    }
    CHECK(all);
    CHECK(open.none_open().has_value());
    CHECK(test::thread_cpu_seconds() - begun_s < 5); // 0.1 s; minutes where each looks at all
}

TEST_CASE("completions tools: an authority without functions takes none") {
    CHECK(refusal(ask(k_two, k_hi, false)) == "400 unsupported_parameter tools");
    CHECK(
        refusal(ask(R"("tool_choice":"required")", k_hi, false)) ==
        "400 unsupported_parameter tool_choice"
    );
    CHECK(offered(ask(R"("parallel_tool_calls":false)", k_hi, false)) == ", [parallel_tool_calls]");
    CHECK(
        told(ask("", talk({made(call("c1")), result("c1")}), false)) ==
        "user:a | assistant:<tool_call id=\"c1\" name=\"f\">{}</tool_call> | "
        "> <tool_result id=\"c1\">r</tool_result>"
    );
    CHECK(
        told(ask("", talk({made(call("c1")), shown("c1")}), false)) ==
        "400 unsupported_value messages[2].content[1].type"
    );
}
