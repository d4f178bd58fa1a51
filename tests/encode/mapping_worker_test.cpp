// docs/mapping.md, "Worker notifications to events": the translator does what each row says.
#include "mapping.hpp"
#include "worker/events/worker_translator.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::encode;

namespace {

struct Sample {
    std::string_view row; ///< how its message begins
    std::vector<std::pair<std::string_view, std::string_view>> before{};
    std::string_view method;
    std::string_view params;
};

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all{
        {"turn/started", {}, "turn/started", R"({"turn_id":"w"})"},
        {"item/agentMessage/delta", {}, "item/agentMessage/delta", R"({"item_id":"m","delta":"a"})"
        },
        {"item/completed of a message",
         {},
         "item/completed",
         R"({"item_id":"m","item_kind":"agent_message","item":{"text":"whole"}})"},
        {"item/started of a tool",
         {},
         "item/started",
         R"({"item_id":"c","item_kind":"mcp_tool_call","item":{"tool_name":"web.search","arguments":{}}})"
        },
        {"item/toolOutput/delta",
         {{"item/started",
           R"({"item_id":"c","item_kind":"command_execution","item":{"command":"ls"}})"}},
         "item/toolOutput/delta",
         R"({"item_id":"c","delta":"x"})"},
        {"item/completed of a tool",
         {{"item/started",
           R"({"item_id":"c","item_kind":"command_execution","item":{"command":"ls"}})"}},
         "item/completed",
         R"({"item_id":"c","item_kind":"command_execution","item_status":"completed"})"},
        {"item/completed of a tool, failed",
         {{"item/started",
           R"({"item_id":"c","item_kind":"mcp_tool_call","item":{"tool_name":"t","arguments":{}}})"}
         },
         "item/completed",
         R"({"item_id":"c","item_kind":"mcp_tool_call","item":{"tool_name":"t","status":"failed"}})"
        },
        {"item/completed todo_list",
         {},
         "item/completed",
         R"({"item_id":"p","item_kind":"todo_list","item":{"items":[{"text":"a","completed":true}]}})"
        },
        {"error and codex/error with", {}, "codex/error", R"({"message":"m","will_retry":true})"},
        {"codex/error without", {}, "codex/error", R"({"message":"m","will_retry":false})"},
        {"error without", {}, "error", R"({"error":{"message":"m"},"willRetry":false})"},
        {"thread/tokenUsage/updated",
         {},
         "thread/tokenUsage/updated",
         R"({"tokenUsage":{"total":{"inputTokens":3,"outputTokens":1}}})"},
        {"turn/completed", {}, "turn/completed", R"({"status":"completed"})"},
        {"turn/failed", {}, "turn/failed", R"({"message":"m"})"},
        {"turn/aborted", {}, "turn/aborted", "{}"},
        {"turn/interrupted", {}, "turn/interrupted", "{}"},
        {"thread/started", {}, "thread/started", R"({"thread_id":"t"})"},
    };
    return all;
}

/// Names of the events, in order; that a turn has begun is left out unless it was told.
std::string told(const Sample& sample) {
    authority::WorkerTranslator translator({.thread = "t", .turn = "u", .baseline = turn::Usage{}});
    std::vector<turn::Event> events;
    if (sample.method != "turn/started") {
        translator.push("turn/started", Json::object(), events);
    }
    for (const auto& [method, params] : sample.before) {
        translator.push(method, *parse_json(params), events);
    }
    events.clear();
    translator.push(sample.method, *parse_json(sample.params), events);
    std::string out;
    for (const auto& event : events) {
        out += (out.empty() ? "" : ", ") + std::string(turn::name_of(event));
    }
    return out;
}

} // namespace

TEST_CASE("mapping: a worker's notification becomes the events of its row") {
    REQUIRE(samples().size() == worker_rows().size());
    for (const CodexRow& row : worker_rows()) {
        const auto sample = std::ranges::find_if(samples(), [&](const Sample& one) {
            return row.message.starts_with(one.row) &&
                   (row.message == one.row ||
                    !std::ranges::any_of(samples(), [&](const Sample& other) {
                        return other.row.size() > one.row.size() &&
                               row.message.starts_with(other.row);
                    }));
        });
        CAPTURE(std::string(row.message));
        REQUIRE(sample != samples().end());
        CHECK(told(*sample) == row.events);
    }
}
