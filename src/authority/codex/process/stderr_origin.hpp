// What may be logged of a line that Codex wrote to its stderr: where it comes from, not what it
// says.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::authority {

/// "2026-01-01T00:00:00.000000Z ERROR codex_core::client (93 bytes)"; the length alone for a line
/// that does not begin like one of its tracing. The text itself may quote the conversation.
[[nodiscard]] std::string stderr_origin(std::string_view line);

} // namespace oa_stream::authority
