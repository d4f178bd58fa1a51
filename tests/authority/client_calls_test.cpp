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
    CHECK_FALSE(calls.only_client_left()); // codex still runs its own
    calls.watch(k_item, raw("custom_tool_call_output", "own2"));
    CHECK(calls.take().empty());
    CHECK(calls.only_client_left());
    CHECK(calls.usage().is_null());
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
