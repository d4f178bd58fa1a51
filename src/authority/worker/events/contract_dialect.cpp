#include "contract_dialect.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex/events/codex_events_items.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

struct Names {
    std::string_view snake, camel;
};
constexpr std::array k_types{
    Names{"agent_message", "agentMessage"},
    Names{"command_execution", "commandExecution"},
    Names{"file_change", "fileChange"},
    Names{"mcp_tool_call", "mcpToolCall"},
    Names{"web_search", "webSearch"},
    Names{"todo_list", "todoList"},
    Names{"user_message", "userMessage"},
};
constexpr std::array k_members{
    Names{"aggregated_output", "aggregatedOutput"},
    Names{"exit_code", "exitCode"},
    Names{"duration_ms", "durationMs"},
    Names{"structured_content", "structuredContent"},
    Names{"command_actions", "commandActions"},
    Names{"input", "arguments"},
    Names{"tool_name", "tool"},
};

template <std::size_t N>
std::string_view camel_of(const std::array<Names, N>& table, std::string_view name) {
    const auto* found = std::ranges::find(table, name, &Names::snake);
    return found == table.end() ? name : found->camel;
}

std::string
id_in(const Json& params, std::string_view camel, std::string_view snake, std::string_view object) {
    for (const std::string_view key : {camel, snake}) {
        if (const auto text = text_view_in(params, key); !text.empty()) {
            return std::string(text);
        }
    }
    return text_in(object_in(params, object), "id");
}

/// Renames the members of one level to their app-server names; an existing one takes precedence.
Json renamed(const Json& object) {
    Json out = Json::object();
    for (const auto& [key, value] : object.items()) {
        const std::string name(camel_of(k_members, key));
        if (name == key || !object.contains(name)) {
            out[name] = value;
        }
    }
    return out;
}

void write_changes(Json& item) {
    const auto changes = item.find("changes");
    if (changes == item.end() || !changes->is_array()) {
        return;
    }
    for (Json& change : *changes) {
        const Json* kind = member(change, "kind");
        if (kind != nullptr && kind->is_string()) {
            Json written = Json::object({{"type", *kind}});
            change["kind"] = std::move(written);
        }
    }
}

std::string type_of(const Json& params, const Json* item) {
    std::string_view type = item == nullptr ? "" : text_view_in(*item, "type");
    if (type.empty()) {
        const Json* kind = either_member(params, "itemKind", "item_kind");
        type = kind != nullptr && kind->is_string()
                   ? std::string_view(kind->get_ref<const std::string&>())
                   : std::string_view();
    }
    return std::string(camel_of(k_types, type));
}

} // namespace

const Json*
either_member(const Json& object, std::string_view camel, std::string_view snake) noexcept {
    const Json* found = member(object, camel);
    return found != nullptr ? found : member(object, snake);
}

NotificationIds ids_of(const Json& params) {
    return {
        id_in(params, "threadId", "thread_id", "thread"),
        id_in(params, "turnId", "turn_id", "turn"),
        id_in(params, "itemId", "item_id", "item")
    };
}

bool tells_item(const Json& params) noexcept {
    const Json* item = member(params, "item");
    return item != nullptr && item->is_object();
}

Json app_server_item(const Json& params, const std::string& id) {
    const Json* raw = tells_item(params) ? member(params, "item") : nullptr;
    std::string type = type_of(params, raw);
    if (type.empty() || id.empty()) {
        return nullptr;
    }
    Json item = raw == nullptr ? Json::object() : renamed(*raw);
    item["type"] = std::move(type);
    item["id"] = id;
    if (const Json* result = member(item, "result"); result != nullptr && result->is_object()) {
        item["result"] = renamed(*result);
    }
    if (!item.contains("status")) {
        const Json* status = either_member(params, "itemStatus", "item_status");
        item["status"] = status != nullptr && status->is_string() ? *status : Json("inProgress");
    } else if (text_view_in(item, "status") == "in_progress") {
        item["status"] = "inProgress";
    }
    write_changes(item);
    return item;
}

std::optional<Json> plan_of_todo_list(const Json& params) {
    const Json* item = tells_item(params) ? member(params, "item") : nullptr;
    if (item == nullptr || type_of(params, item) != "todoList") {
        return std::nullopt;
    }
    return json_list(list_in(*item, "items"), [](const Json& step) {
        const bool done = bool_member(step, "completed").value_or(false);
        return Json::object(
            {{"step", text_view_in(step, "text")}, {"status", done ? "completed" : "pending"}}
        );
    });
}

std::optional<turn::Usage> usage_of_turn(const Json& params) {
    const Json* usage = either_member(params, "tokenUsage", "token_usage");
    if (usage == nullptr) {
        return std::nullopt;
    }
    const auto field = [&](std::string_view key) { return int_member(*usage, key).value_or(0); };
    const turn::Usage counts{
        field("input_tokens"),
        field("cached_input_tokens"),
        field("output_tokens"),
        field("reasoning_output_tokens")
    };
    return counts == turn::Usage{} ? std::nullopt : std::optional(counts);
}

} // namespace oa_stream::authority
