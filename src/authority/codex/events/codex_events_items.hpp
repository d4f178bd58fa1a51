// Codex items as parts and tools: everything that depends on an item alone, so that a streamed turn
// and one read back from history tell the same story.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority::codex {

enum class ItemKind {
    message, ///< agentMessage: a text part
    reasoning, ///< a reasoning part
    tool,
    plan, ///< a note
    compaction, ///< a passing notice
    nothing, ///< our own input, and whatever a client cannot use
};
[[nodiscard]] ItemKind kind_of(std::string_view item_type) noexcept;

/// A wire id in [A-Za-z0-9_-]{1,128}: the item's own where it fits, with "-2", "-3" … for its later
/// occurrences; else, and where it ends like those, what fits of it and a hash of all of it.
[[nodiscard]] std::string call_id(std::string_view item_id, int occurrence);
/// Whether it is that call_id() of a first occurrence, or one of the later ones.
[[nodiscard]] bool is_occurrence_of(std::string_view call, std::string_view first);

[[nodiscard]] turn::TextPhase phase_of(const Json& item);

/// Summary parts, then raw content, with a blank line between.
[[nodiscard]] std::string reasoning_text(const Json& item);
inline constexpr std::string_view k_reasoning_break = "\n\n";

/// In [A-Za-z0-9_-]: "shell", "apply_patch", "server__tool" …
[[nodiscard]] std::string tool_name(const Json& item);
/// nullopt: the item does not know its input yet (a web search that has just begun).
[[nodiscard]] std::optional<Json> tool_input(const Json& item, std::string_view cwd);
/// ToolOutput or ToolFailed of a completed item.
[[nodiscard]] turn::Event tool_result(std::string call, const Json& item);

[[nodiscard]] turn::Note plan_note(const Json& item, int occurrence);

/// The text inside `bash -lc '…'` or `bash -c '…'`, else the command as it stands. Never what
/// Codex takes it for (`commandActions`): that lacks pipes, redirections and what comes before.
[[nodiscard]] std::string bare_command(const Json& item);

} // namespace oa_stream::authority::codex
