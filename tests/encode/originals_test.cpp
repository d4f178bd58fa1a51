// The retired lane's scenarios through today's translator and encoder, against the rows of
// docs/mapping.md: each golden frame stands in a row, and so does each frame of ours.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"

#include "codex/events/codex_events.hpp"
#include "mapping.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

namespace fs = std::filesystem;
using namespace oa_stream;
using namespace oa_stream::encode;
using namespace oa_stream::encode::test;

namespace {

Json fixture(std::string_view name) {
    const auto text = read_file(fs::path(OA_SOURCE_DIR) / "fixtures/originals" / name);
    REQUIRE(text.has_value());
    const auto json = parse_json(*text);
    REQUIRE(json.has_value());
    return *json;
}

std::string text_at(const Json& object, std::string_view key) {
    return std::string(string_member(object, key).value_or(""));
}

/// The item of an old item/started or item/completed as today's app-server tells it.
Json item_of(const Json& params) {
    Json item = Json::object();
    item["id"] = text_at(params, "item_id");
    if (text_at(params, "item_kind") == "agent_message") {
        item["type"] = "agentMessage";
        item["text"] = "";
        return item;
    }
    item["type"] = "mcpToolCall";
    item["status"] = params.contains("item_status") ? text_at(params, "item_status") : "inProgress";
    if (const Json* old = member(params, "item")) {
        item["server"] = "";
        item["tool"] = text_at(*old, "tool_name");
        item["arguments"] = old->at("arguments");
    }
    return item;
}

/// Today's notifications for one of the scenarios' events.
std::vector<Json> todays(const Json& event) {
    const std::string method = text_at(event, "method");
    const Json& old = event.at("params");
    Json params = Json::object();
    params["threadId"] = text_at(old, "thread_id");
    params["turnId"] = text_at(old, "turn_id");
    const auto turn = [&](std::string_view status) {
        Json out = Json::object();
        out["id"] = text_at(old, "turn_id");
        out["status"] = status;
        return out;
    };
    const auto notification = [&](std::string_view name) {
        return Json{{"method", name}, {"params", params}};
    };
    if (method == "turn/started" || method == "turn/completed") {
        params["turn"] = turn(method == "turn/started" ? "inProgress" : text_at(old, "status"));
        return {notification(method)};
    }
    if (method == "item/started" || method == "item/completed") {
        params["item"] = item_of(old);
        return {notification(method)};
    }
    if (method == "codex/error") {
        params["error"] = Json{{"message", text_at(old, "message")}};
        params["willRetry"] = old.at("will_retry");
        params["turn"] = turn("failed");
        params["turn"]["error"] = params["error"];
        return {notification("error"), notification("turn/completed")};
    }
    params["itemId"] = text_at(old, "item_id");
    params["delta"] = text_at(old, "delta");
    const bool tool = method == "item/toolOutput/delta";
    return {notification(tool ? "item/commandExecution/outputDelta" : method)};
}

std::vector<std::string> our_frames(const Json& scenario) {
    const Json& first = scenario.at("events").at(1).at("params");
    const std::string thread = text_at(first, "thread_id");
    authority::CodexTranslator translator(thread);
    std::vector<turn::Event> events;
    for (const Json& event : scenario.at("events")) {
        for (const Json& notification : todays(event)) {
            translator.notification(notification, events);
        }
    }
    REQUIRE_FALSE(events.empty());
    const auto turn = std::get<turn::TurnStarted>(events.front()).turn;
    const std::string stream =
        encoded(normalised(std::move(events)), {thread, turn, turn, text_at(first, "model")});
    CHECK(judged(stream) == "");
    return frames_of(stream);
}

/// Frames of a row: one-line JSON values separated by single spaces, "[DONE]" as it is.
std::vector<std::string> split_frames(std::string_view text) {
    std::vector<std::string> frames;
    while (!text.empty()) {
        std::size_t end = text.find("} {");
        end = end == std::string_view::npos ? text.find("} [DONE]") : end;
        end = end == std::string_view::npos ? text.size() : end + 1;
        frames.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return frames;
}

} // namespace

TEST_CASE("originals: every frame of the goldens and of ours stands in the mapping's rows") {
    const Json inputs = fixture("codex-event-scenarios.json");
    const Json goldens = fixture("golden-sse-transcripts.json");
    for (std::size_t i = 0; i < inputs.at("scenarios").size(); ++i) {
        const Json& scenario = inputs.at("scenarios").at(i);
        const std::string id = text_at(scenario, "id");
        DYNAMIC_SECTION(id) {
            std::vector<std::string> golden;
            for (const Json& event : goldens.at("scenarios").at(i).at("events")) {
                golden.push_back(dump_json(event));
            }
            golden.emplace_back("[DONE]"); // the last frame of the golden's `wire`
            std::vector<std::string> original;
            std::vector<std::string> ours;
            for (const OriginalRow& row : original_rows()) {
                if (row.scenario == id) {
                    CHECK_FALSE(row.reason.empty());
                    for (auto& frame : split_frames(row.original)) {
                        original.push_back(std::move(frame));
                    }
                    for (auto& frame : split_frames(row.ours)) {
                        ours.push_back(std::move(frame));
                    }
                }
            }
            CHECK(original == golden);
            CHECK(ours == our_frames(scenario));
        }
    }
}
