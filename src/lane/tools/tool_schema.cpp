#include "tool_schema.hpp"

#include "oa_stream/base/lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::lane {

namespace {

/// Members that Codex keeps unchanged; their values are not schemas.
constexpr std::array<std::string_view, 6> k_kept{
    "description", "required", "enum", "const", "minItems", "$ref"
};
/// Codex drops a type of another name, and guesses one.
constexpr std::array<std::string_view, 7> k_type_words{
    "string", "number", "integer", "boolean", "object", "array", "null"
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

bool is_type(const Json& value) {
    const auto* name = value.get_ptr<const std::string*>();
    return name != nullptr && contains(k_type_words, std::string_view(*name));
}

bool is_kept_member(const Json& schema, std::string_view name, const Json& value) {
    if (name == "type") {
        return value.is_array() ? std::ranges::all_of(value, is_type) : is_type(value);
    }
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

/// The places of a tuple's schemas, for `$ref`, without the index.
struct MovedTuple {
    std::string from, to;
};
using Place = Json::json_pointer;

/// The tuple's member, if the schema has one: `prefixItems` becomes `items`, its name in older
/// drafts, unless that has the schema of further items.
std::string_view bring_tuple(Json& schema) {
    if (const auto* items = member(schema, "items"); items != nullptr && !items->is_boolean()) {
        return items->is_array() ? "items" : "";
    }
    const auto prefix = schema.find("prefixItems");
    if (prefix == schema.end() || !prefix->is_array()) {
        return "";
    }
    schema["items"] = Json(*prefix);
    schema.erase("prefixItems");
    return "prefixItems";
}

/// `at`: the place that the client gave the schema. Inner tuples come first in `moved`.
// NOLINTNEXTLINE(misc-no-recursion): the reader of bodies bounds the depth
void loosen(Json& schema, const Place& at, std::vector<MovedTuple>& moved) {
    if (!schema.is_object()) {
        return;
    }
    const auto tuple = bring_tuple(schema);
    for (auto& [name, value] : schema.items()) {
        const bool is_tuple = name == "items" && !tuple.empty();
        const auto place = at / (is_tuple ? std::string(tuple) : name);
        if (is_tuple || (contains(k_lists, name) && value.is_array())) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                loosen(value[i], place / i, moved);
            }
        } else if (contains(k_maps, name) && value.is_object()) {
            for (auto& [inner, one] : value.items()) {
                loosen(one, place / inner, moved);
            }
        } else if (name == "items" || name == "additionalProperties") {
            loosen(value, place, moved);
        }
        if (is_tuple) {
            value = value.empty() ? Json::object() : Json::object({{"anyOf", std::move(value)}});
            moved.push_back(
                {fmt::format("#{}/", place.to_string()),
                 fmt::format("#{}/items/anyOf/", at.to_string())}
            );
        }
    }
}

// NOLINTNEXTLINE(misc-no-recursion): the reader of bodies bounds the depth
void follow(Json& value, const std::vector<MovedTuple>& moved) {
    if (value.is_structured()) {
        for (auto& [name, inner] : value.items()) {
            auto* const text = inner.get_ptr<std::string*>();
            if (name != "$ref" || text == nullptr) {
                follow(inner, moved);
                continue;
            }
            for (const auto& tuple : moved) {
                if (text->starts_with(tuple.from)) {
                    text->replace(0, tuple.from.size(), tuple.to);
                }
            }
        }
    }
}

} // namespace

Json empty_schema() {
    return Json::object({{"type", "object"}, {"properties", Json::object()}});
}

void loosen_tuples(Json& schema) {
    std::vector<MovedTuple> moved;
    loosen(schema, Place(), moved);
    follow(schema, moved);
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
