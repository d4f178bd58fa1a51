// Workers use two dialects of notifications, which can mix within one notification: Codex
// app-server's own, and that of the worker event contract (snake_case, item_kind). This converts
// the second to the first, so that one translator (codex/events) handles both.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

struct NotificationIds {
    std::string thread{}; ///< empty: no thread is named
    std::string turn{};
    std::string item{};
};
[[nodiscard]] NotificationIds ids_of(const Json& params);

/// The item in app-server form, with "type" and "id"; null when its type is unknown. For an agent
/// message or reasoning without a text, the text members are missing.
[[nodiscard]] Json app_server_item(const Json& params, const std::string& id);
/// False: the notification has only the item's kind.
[[nodiscard]] bool tells_item(const Json& params) noexcept;

/// The steps of a todo_list item in the form of turn/plan/updated; nullopt: not a todo_list.
[[nodiscard]] std::optional<Json> plan_of_todo_list(const Json& params);

/// token_usage of turn/completed; nullopt when missing or all zero.
[[nodiscard]] std::optional<turn::Usage> usage_of_turn(const Json& params);

/// The member in either spelling; nullptr when both are missing.
[[nodiscard]] const Json*
either_member(const Json& object, std::string_view camel, std::string_view snake) noexcept;

} // namespace oa_stream::authority
