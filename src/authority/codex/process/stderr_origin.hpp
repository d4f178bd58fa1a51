// The part of a Codex stderr line that may be logged: its origin, not its text.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::authority {

/// "2026-01-01T00:00:00.000000Z ERROR codex_core::client (93 bytes)"; only the length for a line
/// that does not start in its tracing format. The text itself may quote the conversation.
[[nodiscard]] std::string stderr_origin(std::string_view line);

} // namespace oa_stream::authority
