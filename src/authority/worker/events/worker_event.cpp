#include "worker_event.hpp"

#include "oa_stream/base/json_members.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

struct MethodName {
    std::string_view enumerator; ///< after CODEX_NOTIFICATION_METHOD_
    std::string_view text;
};
constexpr std::string_view k_enum = "CODEX_NOTIFICATION_METHOD_";
constexpr std::array k_methods{
    MethodName{"THREAD_STARTED", "thread/started"},
    MethodName{"TURN_STARTED", "turn/started"},
    MethodName{"TURN_COMPLETED", "turn/completed"},
    MethodName{"TURN_FAILED", "turn/failed"},
    MethodName{"TURN_ABORTED", "turn/aborted"},
    MethodName{"TURN_INTERRUPTED", "turn/interrupted"},
    MethodName{"ITEM_STARTED", "item/started"},
    MethodName{"ITEM_COMPLETED", "item/completed"},
    MethodName{"ITEM_AGENT_MESSAGE_DELTA", "item/agentMessage/delta"},
    MethodName{"ITEM_REASONING_DELTA", "item/reasoning/summaryTextDelta"},
    MethodName{"ITEM_TOOL_OUTPUT_DELTA", "item/toolOutput/delta"},
    MethodName{"CODEX_ERROR", "codex/error"},
};

std::string_view either(const Json& object, std::string_view one, std::string_view other) {
    const auto first = text_view_in(object, one);
    return first.empty() ? text_view_in(object, other) : first;
}

std::string_view method_of_enum(std::string_view name) {
    if (!name.starts_with(k_enum)) {
        return {};
    }
    const auto* found =
        std::ranges::find(k_methods, name.substr(k_enum.size()), &MethodName::enumerator);
    return found == k_methods.end() ? std::string_view() : found->text;
}

/// A payload with a string `method` and an object `params` is a notification, whatever its type:
/// the desktop worker sets the type by its own rule.
void find_method(WorkerEvent& event, const Json& envelope) {
    const Json* params = event.params();
    if (params == nullptr || !params->is_object()) {
        return;
    }
    event.method = text_view_in(envelope, "method_text");
    if (event.method.empty()) {
        event.method = text_view_in(event.payload, "method");
    }
    if (event.method.empty()) {
        event.method = method_of_enum(text_view_in(envelope, "method"));
    }
}

} // namespace

std::uint64_t seq_member(const Json& object, std::string_view key) noexcept {
    const auto value = int_member(object, key).value_or(0);
    return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

std::optional<WorkerEvent> read_update(Json update, std::string_view worker) {
    if (!update.is_object() || either(update, "worker_id", "workerId") != worker) {
        return std::nullopt;
    }
    WorkerEvent event;
    event.seq = seq_member(update, "seq");
    event.type = either(update, "event_type", "eventType");
    if (const auto payload = update.find("payload");
        payload != update.end() && payload->is_object()) {
        event.payload = std::move(*payload);
    }
    find_method(event, update);
    return event;
}

std::optional<WorkerEvent> read_log_row(Json row) {
    WorkerEvent event;
    event.seq = seq_member(row, "seq");
    if (event.seq == 0) {
        return std::nullopt;
    }
    event.type = text_view_in(row, "event_type");
    if (const auto payload = row.find("payload"); payload != row.end() && payload->is_object()) {
        event.payload = std::move(*payload);
    }
    find_method(event, row);
    return event;
}

} // namespace oa_stream::authority
