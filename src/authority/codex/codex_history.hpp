// Stored turns of codex (thread/turns/list) → PastTurn; its threads → ThreadInfo.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

inline constexpr int k_history_page = 100;

/// `limit`: at most k_history_page, codex's maximum.
[[nodiscard]] Json
turns_query_params(const TurnsQuery& query, const std::string& cursor, std::size_t limit);
/// The newest few turns with question and answer, to look up a turn that should have ended.
[[nodiscard]] Json latest_turns_params(const std::string& thread);

/// `turn`: one element of "data", items in full. `cwd`: the thread's folder.
[[nodiscard]] PastTurn past_turn(Json turn, std::string_view cwd);

/// Codex drops a thread that has neither a turn nor a name when its process ends, and refuses an
/// empty name. So a thread created without a title gets this name, which is not shown as a title.
inline constexpr std::string_view k_unnamed = "New conversation";
/// Name of a deleted thread that must stay until no fork needs it. It is never listed.
inline constexpr std::string_view k_retired = "oa-stream: deleted, but a copy shares its history";

/// Reads "thread" of thread/read. The title is the name, else the first user text.
[[nodiscard]] ThreadInfo thread_info(const Json& thread);

struct ListedTurns {
    std::vector<PastTurn> turns{};
    std::string next_cursor{}; ///< empty: this was the last page
};
/// Code::protocol when the result has no "data" array.
[[nodiscard]] Result<ListedTurns> listed_turns(Json result, std::string_view cwd);

/// Null: no turn in the list has this id.
[[nodiscard]] const Json* turn_with_id(const Json& turns, std::string_view id);

/// The stored turn `id` in a page, when it has ended; nullptr otherwise.
[[nodiscard]] const Json* ended_turn(const Json& result, std::string_view id);

} // namespace oa_stream::authority
