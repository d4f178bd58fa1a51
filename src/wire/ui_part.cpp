#include "oa_stream/wire/ui_part.hpp"

#include "oa_stream/base/json_members.hpp"

namespace oa_stream::wire::ui {

std::optional<std::string_view> tool_name_in(const Json& part) {
    constexpr std::string_view k_static = "tool-";
    const auto type = text_view_in(part, "type");
    if (type == "dynamic-tool") {
        return text_view_in(part, "toolName");
    }
    return type.starts_with(k_static) ? std::optional(type.substr(k_static.size())) : std::nullopt;
}

std::string text_in_parts(const Json& parts, std::string_view role) {
    std::string out;
    for (const Json& part : parts) {
        if (text_view_in(part, "type") == "text") {
            out += role == "user" && !out.empty() ? "\n" : "";
            out += text_view_in(part, "text");
        }
    }
    return out;
}

} // namespace oa_stream::wire::ui
