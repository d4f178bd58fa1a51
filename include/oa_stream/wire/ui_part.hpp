// Parts of the AI SDK's messages, as requests, lists and pages have them.
#pragma once

#include "oa_stream/base/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::wire::ui {

/// The tool's name in a part of type "tool-NAME" or "dynamic-tool"; nullopt: not a tool part.
/// Valid as long as the part.
[[nodiscard]] std::optional<std::string_view> tool_name_in(const Json& part);

/// The texts of a message's parts. A user's parts are lines of their own; an answer's parts are one
/// text, as it was streamed.
[[nodiscard]] std::string text_in_parts(const Json& parts, std::string_view role);

} // namespace oa_stream::wire::ui
