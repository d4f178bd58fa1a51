// Members of JSON that we wrote ourselves, where a missing one and an empty one mean the same.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/shell.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream {

/// The member; nullptr when it is missing or null.
[[nodiscard]] inline const Json* given(const Json& object, std::string_view key) noexcept {
    const Json* found = member(object, key);
    return found == nullptr || found->is_null() ? nullptr : found;
}
/// Of a temporary it would be left without its JSON.
const Json* given(const Json&& object, std::string_view key) = delete;

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
/// Of those, one that is finite.
[[nodiscard]] inline std::optional<double> finite_in(const Json& object, std::string_view key) {
    const auto found = number_in(object, key);
    return found && std::isfinite(*found) ? found : std::nullopt;
}

/// The member as a count; nullopt unless it is a whole number from 0 on.
[[nodiscard]] inline std::optional<std::uint64_t>
count_in(const Json& object, std::string_view key) noexcept {
    const auto found = int_member(object, key);
    return found && *found >= 0 ? std::optional(static_cast<std::uint64_t>(*found)) : std::nullopt;
}

/// The member's elements, in `object`; none unless it is a list.
[[nodiscard]] inline const Json& list_in(const Json& object, std::string_view key) {
    static const Json k_none = Json::array();
    const Json* found = member(object, key);
    return found != nullptr && found->is_array() ? *found : k_none;
}
const Json& list_in(const Json&& object, std::string_view key) = delete;

/// The member as an object, in `object`; without members unless it is one.
[[nodiscard]] inline const Json& object_in(const Json& object, std::string_view key) {
    static const Json k_none = Json::object();
    const Json* found = member(object, key);
    return found != nullptr && found->is_object() ? *found : k_none;
}
const Json& object_in(const Json&& object, std::string_view key) = delete;

/// A list of what `make` says of each item.
template <class Items, class Make> [[nodiscard]] Json json_list(const Items& items, Make make) {
    Json out = Json::array();
    for (const auto& item : items) {
        out.push_back(Json(make(item)));
    }
    return out;
}
/// The same of items that have a to_json().
template <class Items> [[nodiscard]] Json json_list(const Items& items) {
    return json_list(items, [](const auto& item) { return to_json(item); });
}

/// For a member: null for none, and for a number that JSON does not have.
[[nodiscard]] inline Json or_null(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}
[[nodiscard]] inline Json or_null(const std::optional<double>& value) {
    return value ? or_null(*value) : Json(nullptr);
}
template <class Value> [[nodiscard]] Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}
/// An empty text is none.
[[nodiscard]] inline Json or_null(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

/// Unless it is missing or null.
inline void copy_member(Json& to, const Json& from, std::string_view key) {
    if (const Json* value = given(from, key)) {
        to[std::string(key)] = *value;
    }
}

/// Sets the member `key` to the text of `advice`. When it has a command, also the member `key` +
/// "_parts": a list of texts and of {program, globals, command, arguments}, so that a program can
/// run it and advice_in() gets it back.
void put_advice(Json& object, std::string_view key, const Advice& advice);
/// What put_advice() wrote. Text without parts, as earlier releases wrote it, is read word by word
/// where it is nothing but commands.
[[nodiscard]] Advice advice_in(const Json& object, std::string_view key);

} // namespace oa_stream
