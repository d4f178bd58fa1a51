// Members of JSON that we wrote ourselves, where a missing one and an empty one mean the same.
#pragma once

#include "oa_stream/base/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream {

/// The member's text; empty unless it is a string.
[[nodiscard]] inline std::string text_in(const Json& object, std::string_view key) {
    return std::string(string_member(object, key).value_or(""));
}

/// The same, into `object`.
[[nodiscard]] inline std::string_view
text_view_in(const Json& object, std::string_view key) noexcept {
    return string_member(object, key).value_or("");
}

/// The member as a number, whole or not; nullopt unless it is one.
[[nodiscard]] inline std::optional<double> number_in(const Json& object, std::string_view key) {
    const Json* found = member(object, key);
    return found != nullptr && found->is_number() ? std::optional(found->get<double>())
                                                  : std::nullopt;
}

/// Unless it is missing or null.
inline void copy_member(Json& to, const Json& from, std::string_view key) {
    if (const Json* value = member(from, key); value != nullptr && !value->is_null()) {
        to[std::string(key)] = *value;
    }
}

} // namespace oa_stream
