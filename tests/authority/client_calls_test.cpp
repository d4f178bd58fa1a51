#include "codex/client_calls.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

Json raw(std::string_view type, std::string_view call, std::string_view arguments = "{}") {
    Json item = Json::object({{"type", type}, {"call_id", call}, {"arguments", arguments}});
    return Json::object({{"item", std::move(item)}});
}
Json asked(std::string_view call, std::string_view tool = "f") {
    return Json::parse(
        fmt::format(R"({{"callId":"{}","tool":"{}","arguments":{{"x":1}}}})", call, tool)
    );
}
constexpr std::string_view k_item = "rawResponseItem/completed";
constexpr std::string_view k_response = "rawResponse/completed";
const Json k_usage = Json::parse(R"({"usage":{"inputTokens":3}})");

} // namespace

TEST_CASE("client calls: only the client is left when the response is whole and every call asked") {
    ClientCalls calls;
    calls.watch(k_item, raw("function_call", "a", R"({ "x" : 1 })"));
    calls.ask(asked("a"), 1);
    REQUIRE(calls.take().size() == 1);
    CHECK_FALSE(calls.only_client_left()); // more may come
    calls.watch(k_item, raw("function_call", "b"));
    calls.watch(k_response, k_usage);
    CHECK_FALSE(calls.only_client_left()); // b is on its way
    calls.ask(asked("b"), 1);
    REQUIRE(calls.take().size() == 1);
    CHECK(calls.only_client_left());
    CHECK(dump_json(calls.usage()) == R"({"inputTokens":3})");
}

TEST_CASE("client calls: a call has the client's name of its function") {
    ClientCalls calls;
    calls.enable(true, {"web_search"});
    for (const auto* id : {"a", "b"}) {
        Json made = raw("function_call", id);
        made["item"]["name"] = "fn_web_search";
        calls.watch(k_item, made);
    }
    calls.watch(k_response, k_usage);
    calls.ask(asked("a", "fn_web_search"), 1);
    CHECK(calls.take().empty()); // codex has yet to ask for the other
    calls.ask(asked("b", "fn_web_search"), 2);
    const auto taken = calls.take();
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].name == "web_search");
    CHECK(taken[1].name == "web_search");
    std::vector<turn::Event> events{turn::ToolOutput{"a", Json::object()}};
    Json item = Json::object({{"type", "dynamicToolCall"}, {"id", "a"}, {"tool", "fn_web_search"}});
    tell_as_client(item, events);
    CHECK(std::get<turn::ClientCall>(events[0]).name == "web_search");
}

TEST_CASE("client calls: a call that codex answers itself is not waited for") {
    ClientCalls calls;
    calls.watch(k_item, raw("function_call", "own"));
    calls.watch(k_response, k_usage);
    CHECK_FALSE(calls.only_client_left());
    calls.watch(k_item, raw("function_call_output", "own"));
    CHECK(calls.take().empty());
    CHECK_FALSE(calls.only_client_left()); // none is the client's
    calls.watch(k_item, raw("function_call", "a"));
    calls.watch(k_item, raw("custom_tool_call", "own2"));
    calls.watch(k_response, Json::object());
    calls.ask(asked("a"), 1);
    REQUIRE(calls.take().size() == 1);
    CHECK(calls.only_client_left()); // codex tells an output only after those of earlier calls
    calls.watch(k_item, raw("custom_tool_call_output", "own2"));
    CHECK(calls.take().empty());
    CHECK(calls.only_client_left());
    CHECK(calls.usage().is_null());
}

TEST_CASE("client calls: what codex answers itself behind one of the client's holds nothing up") {
    const auto named = [](std::string_view call, std::string_view name, std::string_view text) {
        Json params = raw("function_call", call, text);
        params["item"]["name"] = name;
        return params;
    };
    for (const bool waits : {true, false}) {
        for (const auto& [name, arguments] :
             {std::pair{"nobody", "{}"}, {"f", "{\"a\":"}, {"f", ""}, {"mcp", "{}"}}) {
            ClientCalls calls;
            calls.enable(waits, {"f", "mcp"});
            calls.watch(k_item, named("a", "f", "{}"));
            calls.watch(k_item, named("own", name, arguments));
            calls.watch(k_item, named("b", "f", "{}"));
            calls.watch(k_response, k_usage);
            calls.ask(asked("a"), 1);
            CHECK(calls.take().size() == (waits ? 0 : 1)); // b is on its way
            CHECK_FALSE(calls.only_client_left());
            calls.ask(asked("b"), 2);
            CHECK(calls.take().size() == (waits ? 2 : 1));
            CHECK(calls.only_client_left() == !waits);
        }
    }
    ClientCalls resumed; // the functions of its thread are not known
    resumed.enable(true);
    resumed.watch(k_item, named("a", "fn_mcp", "{}"));
    resumed.watch(k_item, named("own", "mcp", "{}"));
    resumed.watch(k_response, k_usage);
    resumed.ask(asked("a", "fn_mcp"), 1);
    CHECK(resumed.take().size() == 1);
    ClientCalls calls;
    calls.enable(true, {"f"});
    calls.watch(k_item, named("own", "nobody", "{}"));
    calls.watch(k_item, named("a", "f", "{}"));
    calls.watch(k_response, k_usage);
    calls.ask(asked("a"), 1);
    CHECK(calls.take().empty()); // one in front of it is done first
    calls.watch(k_item, raw("function_call_output", "own"));
    CHECK(calls.take().size() == 1);
}

TEST_CASE("client calls: a call is told once, under its item's id, as the model wrote it") {
    ClientCalls calls;
    calls.enable(false);
    std::vector<turn::Event> events{turn::ToolOpened{"a-2", "f"}};
    const Json item = Json::object({{"type", "dynamicToolCall"}, {"id", "a"}});
    calls.mark(item, events);
    CHECK(std::get<turn::ToolOpened>(events[0]).client);
    CHECK_FALSE(std::get<turn::ToolOpened>(events[0]).dynamic);
    calls.watch(k_item, raw("function_call", "a", R"({ "x" : 1.0 })"));
    calls.ask(asked("a"), 1);
    CHECK(calls.take() == std::vector{turn::ClientCall{"a-2", "f", R"({ "x" : 1.0 })"}});
    calls.ask(asked("a"), 1);
    CHECK(calls.take().empty());
    calls.ask(asked("b", "g"), 1);
    CHECK(calls.take() == std::vector{turn::ClientCall{"b", "g", R"({"x":1})"}});
}

namespace {

/// The item of a call, as it begins or as codex tells its end.
std::vector<turn::Event> item(ClientCalls& calls, std::vector<turn::Event> events, Json content) {
    Json raw = Json::object({{"type", "dynamicToolCall"}, {"id", "a"}, {"tool", "f"}});
    raw["contentItems"] = std::move(content);
    calls.mark(raw, events);
    return events;
}
Json with(std::string_view call, int x) {
    Json params = asked(call);
    params["arguments"]["x"] = x;
    return params;
}

} // namespace

TEST_CASE("client calls: an id that is used again is another call once the first is answered") {
    ClientCalls calls;
    calls.enable(true);
    for (const int round : {1, 2}) {
        const auto wire = round == 1 ? "a" : "a-2";
        (void)item(calls, {turn::ToolOpened{wire, "f"}}, nullptr);
        calls.watch(k_item, raw("function_call", "a"));
        calls.watch(k_response, k_usage);
        calls.ask(asked("a"), round);
        CHECK(calls.take() == std::vector{turn::ClientCall{wire, "f", "{}"}});
        CHECK(calls.answer({.call = wire, .output = 1}).value().request == round);
        const Json text = Json::array({Json{{"type", "inputText"}, {"text", "1"}}});
        (void)item(calls, {turn::ToolOutput{wire, {}}}, text);
        calls.watch(k_item, raw("function_call_output", "a"));
    }
}

TEST_CASE("client calls: two with one id are two calls, of which codex keeps the later one") {
    ClientCalls calls;
    calls.enable(true);
    calls.watch(k_item, raw("function_call", "a", R"({"x":1})"));
    calls.watch(k_item, raw("function_call", "a", R"({"x":2})"));
    calls.watch(k_response, k_usage);
    (void)item(calls, {turn::ToolOpened{"a", "f"}}, nullptr);
    calls.ask(with("a", 2), 7); // in any order
    CHECK(calls.take().empty());   // the other one is on its way
    (void)item(calls, {turn::ToolOpened{"a-2", "f"}}, nullptr);
    calls.ask(with("a", 1), 8);
    CHECK(
        calls.take() ==
        std::vector{
            turn::ClientCall{"a-2", "f", R"({"x":1})"}, turn::ClientCall{"a", "f", R"({"x":2})"}
        }
    );
    CHECK(calls.answer({.call = "a"}).value().request.is_null()); // codex takes none for it
    CHECK(calls.answer({.call = "a-2"}).value().request == 8);
    const Json text = Json::array({Json{{"type", "inputText"}, {"text", "1"}}});
    CHECK(item(calls, {turn::ToolOutput{"a-2", {}}}, text).size() == 1);
    const auto late = item(calls, {turn::ToolOutput{"a", {}}}, Json::array());
    CHECK(std::get<turn::ToolFailed>(late.at(0)).text.contains("gave up this call"));
}

TEST_CASE("client calls: history tells what was answered before; the id's next call waits") {
    ClientCalls calls;
    calls.enable(true);
    const Json text = Json::array({Json{{"type", "inputText"}, {"text", "1"}}});
    (void)item(calls, {turn::ToolOpened{"a", "f"}}, nullptr);
    (void)item(calls, {turn::ToolOutput{"a", {}}}, text);
    calls.ask(asked("a"), 3);
    CHECK(calls.take() == std::vector{turn::ClientCall{"a-2", "f", R"({"x":1})"}});
    calls.ask(asked("a"), 4); // over a new connection
    CHECK(calls.take().empty());
    CHECK(calls.answer({.call = "a-2"}).value().request == 4);
}

TEST_CASE("client calls: they are told in the order in which the model made them") {
    ClientCalls calls;
    for (const char* id : {"a", "own", "b", "c"}) {
        calls.watch(k_item, raw("function_call", id));
    }
    calls.ask(asked("c"), 1);
    calls.ask(asked("b"), 1);
    CHECK(calls.take().empty());
    calls.ask(asked("a"), 1);
    const auto first = calls.take();
    REQUIRE(first.size() == 1);
    CHECK(first[0].call == "a");
    calls.watch(k_item, raw("function_call_output", "own"));
    const auto rest = calls.take();
    REQUIRE(rest.size() == 2);
    CHECK((rest[0].call == "b" && rest[1].call == "c"));
}

TEST_CASE("client calls: tools of a turn without functions of the client's are not marked") {
    ClientCalls calls;
    std::vector<turn::Event> events{turn::ToolOpened{"a", "f"}};
    calls.mark(Json::object({{"type", "dynamicToolCall"}, {"id", "a"}}), events);
    CHECK_FALSE(std::get<turn::ToolOpened>(events[0]).client);
    calls.enable(false);
    calls.mark(Json::object({{"type", "mcpToolCall"}, {"id", "a"}}), events);
    CHECK_FALSE(std::get<turn::ToolOpened>(events[0]).client);
}

TEST_CASE(
    "client calls: a turn that waits is told a response's calls together, and answers each once"
) {
    ClientCalls calls;
    calls.enable(true);
    calls.watch(k_item, raw("function_call", "a"));
    calls.ask(asked("a"), 7);
    CHECK(calls.take().empty()); // the response is not whole
    calls.watch(k_item, raw("function_call", "b"));
    calls.watch(k_response, k_usage);
    CHECK(calls.take().empty()); // b is on its way
    calls.ask(asked("b"), 8);
    CHECK(calls.take().size() == 2);
    CHECK_FALSE(calls.only_client_left()); // it does not end there
    const auto first = calls.answer({.call = "b", .output = Json{{"x", 1}}});
    REQUIRE(first.has_value());
    CHECK(first->request == 8);
    CHECK(
        dump_json(first->body) ==
        R"({"result":{"contentItems":[{"type":"inputText","text":"{\"x\":1}"}],"success":true}})"
    );
    CHECK(calls.answer({.call = "b"}).error().code == Code::not_found);
    calls.ask(asked("a"), 9); // over a new connection
    const auto second = calls.answer({.call = "a", .output = "why", .failed = true});
    REQUIRE(second.has_value());
    CHECK(second->request == 9);
    CHECK(second->body.at("result").at("success") == false);
}

TEST_CASE("client calls: a response that tells no end is taken for ended") {
    ClientCalls waits;
    waits.enable(true, {"f"});
    waits.watch(k_item, raw("function_call", "a"));
    CHECK_FALSE(waits.end_missing()); // codex has yet to ask
    waits.ask(asked("a"), 7);
    CHECK(waits.end_missing());
    CHECK(waits.take().empty());
    CHECK(waits.end_response().empty()); // its client answers
    CHECK_FALSE(waits.end_missing());
    CHECK(waits.take().size() == 1);
    waits.watch(k_item, raw("function_call", "b")); // it went on after all
    waits.ask(asked("b"), 8);
    CHECK(waits.take().empty());
    CHECK(waits.end_missing());
    waits.watch(k_response, k_usage);
    CHECK_FALSE(waits.end_missing());
    CHECK(waits.take().size() == 1);

    ClientCalls ends;
    ends.enable(false, {"f"});
    ends.watch(k_item, raw("function_call", "a"));
    ends.ask(asked("a"), 7);
    CHECK(ends.take().size() == 1);
    CHECK(ends.end_missing());
    const auto replies = ends.end_response();
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].request == 7);
    CHECK(replies[0].body.at("result").at("success") == false);
    CHECK_FALSE(ends.end_missing());
    CHECK(ends.end_response().empty()); // answered once
    ends.watch(k_item, raw("function_call", "own"));
    ends.watch(k_item, raw("function_call_output", "own"));
    ends.watch(k_response, k_usage);
    CHECK(ends.take().empty());
    CHECK(ends.only_client_left()); // it was whole after all
}

TEST_CASE("client calls: behind a response that broke the next one has an order of its own") {
    ClientCalls calls;
    calls.enable(true, {"f"});
    calls.watch(k_item, raw("function_call", "a"));
    calls.ask(asked("a"), 7);
    (void)calls.end_response();
    CHECK(calls.take().size() == 1);
    REQUIRE(calls.answer({.call = "a"}).has_value());
    calls.watch(k_item, raw("custom_tool_call", "own")); // codex asks the model again
    calls.watch(k_item, raw("function_call", "b"));
    calls.watch(k_response, k_usage);
    calls.ask(asked("b"), 8);
    CHECK(calls.take().empty()); // own stands in front of it
    calls.watch(k_item, raw("custom_tool_call_output", "own"));
    CHECK(calls.take().size() == 1);
}

TEST_CASE(
    "client calls: without raw events, as after a resume, a call is told as soon as it is asked for"
) {
    ClientCalls calls;
    calls.enable(true);
    calls.ask(asked("a"), 1);
    CHECK(calls.take().size() == 1);
    CHECK_FALSE(calls.opened("a")); // its item was not seen
}

TEST_CASE("client calls: a result is read back as the value that was given") {
    const std::array outputs{
        Json("rain"),
        Json("12"),
        Json("null"),
        Json(R"({"a":1})"),
        Json(""),
        Json(12),
        Json(nullptr),
        Json{{"a", {1, 2}}},
        Json(true)
    };
    const auto output = GENERATE_COPY(from_range(outputs));
    ClientCalls calls;
    calls.enable(true);
    calls.ask(asked("a"), 1);
    const auto reply = calls.answer({.call = "a", .output = output});
    REQUIRE(reply.has_value());
    Json item = Json::object({{"type", "dynamicToolCall"}, {"id", "a"}, {"tool", "f"}});
    item["contentItems"] = reply->body.at("result").at("contentItems");
    item["success"] = true;
    std::vector<turn::Event> events{turn::ToolOutput{"a", {}}};
    tell_as_client(item, events);
    CHECK(std::get<turn::ToolOutput>(events[0]).output == output);
}

TEST_CASE("client calls: a call that codex gave up waits again; one that failed says why") {
    Json item = Json::object({{"type", "dynamicToolCall"}, {"id", "a"}, {"tool", "f"}});
    item["contentItems"] = Json::array();
    item["success"] = false;
    std::vector<turn::Event> events{turn::ToolOutput{"a", {}}};
    tell_as_client(item, events);
    CHECK(std::get<turn::ClientCall>(events[0]) == turn::ClientCall{"a", "f", "{}"});
    item["contentItems"] = Json::array({Json{{"type", "inputText"}, {"text", "no net"}}});
    events = {turn::ToolOutput{"a", {}}};
    tell_as_client(item, events);
    CHECK(std::get<turn::ToolFailed>(events[0]).text == "no net");
}
