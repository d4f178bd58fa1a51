// The members of tool calls in chunks and answers (C21).
#pragma once

#include "completions_members.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::wire::completions {

/// "tool_calls" of `of`, an object at `where`; empty when it is missing or null.
[[nodiscard]] std::vector<ToolCallPiece>
read_call_pieces(const Members& of, std::string_view where, Notes& notes);
[[nodiscard]] std::vector<ToolCall>
read_calls(const Members& of, std::string_view where, Notes& notes);

} // namespace oa_stream::wire::completions
