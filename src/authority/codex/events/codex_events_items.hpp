// Codex items as parts and tools. Everything here depends on the item alone, so that a streamed
// turn and one read from history are identical.
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
    compaction, ///< a transient notice
    nothing, ///< our own input, and items of no use to clients
};
[[nodiscard]] ItemKind kind_of(std::string_view item_type) noexcept;

/// A wire id in [A-Za-z0-9_-]{1,128}. If the item's own id fits, it is used, with "-2", "-3" … for
/// later occurrences. Otherwise, and for ids with such an ending, it is a cleaned prefix plus a
/// hash of the whole id.
[[nodiscard]] std::string call_id(std::string_view item_id, int occurrence);
/// Whether `call` is `first`, the call_id() of a first occurrence, or a later occurrence of it.
[[nodiscard]] bool is_occurrence_of(std::string_view call, std::string_view first);

[[nodiscard]] turn::TextPhase phase_of(const Json& item);

/// Summary parts, then raw content, with a blank line between.
[[nodiscard]] std::string reasoning_text(const Json& item);
inline constexpr std::string_view k_reasoning_break = "\n\n";

/// In [A-Za-z0-9_-]: "shell", "apply_patch", "server__tool" …
[[nodiscard]] std::string tool_name(const Json& item);
/// nullopt: the input is not known yet (a web search that has just started).
[[nodiscard]] std::optional<Json> tool_input(const Json& item, std::string_view cwd);
/// ToolOutput or ToolFailed of a completed item.
[[nodiscard]] turn::Event tool_result(std::string call, const Json& item);

[[nodiscard]] turn::Note plan_note(const Json& item, int occurrence);

/// The text inside `bash -lc '…'` or `bash -c '…'`, else the whole command. Not Codex's parsed form
/// (`commandActions`), which lacks pipes, redirections and leading commands.
[[nodiscard]] std::string bare_command(const Json& item);

} // namespace oa_stream::authority::codex
