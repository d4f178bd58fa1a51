// Notifications of a worker come in two dialects, told apart member by member: Codex app-server's
// own, and the one of the worker event contract (snake_case, item_kind). This turns the second into
// the first, so that one translator (codex/events) knows what an event means.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

struct NotificationIds {
    std::string thread{}; ///< empty: it names none
    std::string turn{};
    std::string item{};
};
[[nodiscard]] NotificationIds ids_of(const Json& params);

/// The item as app-server writes it, with "type" and "id"; a null when there is nothing that says
/// its type. Of an agent message or reasoning whose text is not told, the text members are missing.
[[nodiscard]] Json app_server_item(const Json& params, const std::string& id);
/// False: the notification names the item's kind but nothing else of it.
[[nodiscard]] bool tells_item(const Json& params) noexcept;

/// The steps of a todo_list item, as turn/plan/updated tells them; nullopt: it is none.
[[nodiscard]] std::optional<Json> plan_of_todo_list(const Json& params);

/// token_usage of turn/completed; nullopt when missing or all zero.
[[nodiscard]] std::optional<turn::Usage> usage_of_turn(const Json& params);

/// The member of either spelling; nullptr when neither is there.
[[nodiscard]] const Json*
either_member(const Json& object, std::string_view camel, std::string_view snake) noexcept;

} // namespace oa_stream::authority
