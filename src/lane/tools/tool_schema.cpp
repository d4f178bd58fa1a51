#include "tool_schema.hpp"

#include "oa_stream/base/lists.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace oa_stream::lane {

namespace {

/// Members that Codex keeps unchanged; their values are not schemas.
constexpr std::array<std::string_view, 7> k_kept{
    "type", "description", "required", "enum", "const", "minItems", "$ref"
};
constexpr std::array<std::string_view, 10> k_notes{
    "title",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "strict"
};
constexpr std::array<std::string_view, 3> k_lists{"anyOf", "oneOf", "allOf"}; ///< lists of schemas
constexpr std::array<std::string_view, 3> k_maps{"properties", "$defs", "definitions"};

/// Codex would read such values as an enum of strings.
bool is_retyped(const Json& schema, const Json& values) {
    const auto is_text = [](const Json& value) { return value.is_string(); };
    return member(schema, "type") == nullptr && values.is_array() &&
           !std::ranges::all_of(values, is_text);
}

bool is_kept_member(const Json& schema, std::string_view name, const Json& value) {
    if (name == "enum") {
        return !is_retyped(schema, value);
    }
    if (name == "const") {
        return !is_retyped(schema, Json::array({value}));
    }
    if (contains(k_kept, name) || contains(k_notes, name)) {
        return true;
    }
    if (name == "additionalProperties") {
        return value.is_boolean() || is_kept_whole(value);
    }
    if (name == "items") {
        return is_kept_whole(value);
    }
    const bool list = contains(k_lists, name) && value.is_array();
    const bool map = contains(k_maps, name) && value.is_object();
    return (list || map) && std::ranges::all_of(value, is_kept_whole);
}

} // namespace

Json empty_schema() {
    return Json::object({{"type", "object"}, {"properties", Json::object()}});
}

// NOLINTNEXTLINE(misc-no-recursion): the reader of bodies bounds the depth
void loosen_tuples(Json& schema) {
    if (!schema.is_object()) {
        return;
    }
    for (auto& [name, value] : schema.items()) {
        if (contains(k_lists, name) || contains(k_maps, name)) {
            std::ranges::for_each(value, loosen_tuples);
        } else if (name == "items" && value.is_array()) {
            value = value.empty() ? Json::object() : Json::object({{"anyOf", std::move(value)}});
            loosen_tuples(value);
        } else if (name == "items" || name == "additionalProperties") {
            loosen_tuples(value);
        }
    }
}

bool is_kept_whole(const Json& schema) {
    if (!schema.is_object()) {
        return false;
    }
    return std::ranges::all_of(schema.items(), [&](const auto& entry) {
        return is_kept_member(schema, entry.key(), entry.value());
    });
}

} // namespace oa_stream::lane
