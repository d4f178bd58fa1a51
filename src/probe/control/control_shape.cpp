#include "control_shape.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

bool whole(const Json& value) {
    return value.is_number_integer() &&
           (value.is_number_unsigned() || value.get<std::int64_t>() >= 0);
}

bool fits(const Json* value, Shape shape) {
    const bool none = value == nullptr || value->is_null();
    switch (shape) {
    case Shape::text:
        return !none && value->is_string() && !value->get_ref<const std::string&>().empty();
    case Shape::maybe_text:
        return none || value->is_string();
    case Shape::whole:
        return !none && whole(*value);
    case Shape::number:
        return !none && value->is_number() && value->get<double>() >= 0;
    case Shape::boolean:
        return !none && value->is_boolean();
    case Shape::list:
        return !none && value->is_array();
    case Shape::object:
        return !none && value->is_object();
    case Shape::present:
        return !none;
    }
    return false;
}

std::string_view word(Shape shape) {
    static constexpr std::array<std::string_view, 8> k_words{
        "a text",
        "a text or null",
        "a whole number",
        "a number",
        "true or false",
        "a list",
        "an object",
        "a value"
    };
    return enum_word<Shape::present>(k_words, shape);
}

} // namespace

const Json* at_path(const Json& json, std::string_view path) noexcept {
    const Json* at = &json;
    while (at != nullptr && !path.empty()) {
        at = member(*at, cut_until(path, '.'));
    }
    return at;
}

std::string kind_of(const Json* value) {
    if (value == nullptr) {
        return "nothing";
    }
    if (value->is_string()) {
        return fmt::format("\"{}\"", printable(value->get_ref<const std::string&>(), 60));
    }
    if (value->is_object()) {
        return "an object";
    }
    if (value->is_array()) {
        return fmt::format("a list of {}", value->size());
    }
    return printable(dump_json(*value), 40);
}

std::string
shape_error(const Json& json, std::span<const MemberShape> members, std::string_view prefix) {
    for (const MemberShape& wanted : members) {
        const Json* value = at_path(json, wanted.path);
        if (!fits(value, wanted.shape)) {
            return fmt::format(
                "{}{}: expected {}, saw {}", prefix, wanted.path, word(wanted.shape), kind_of(value)
            );
        }
    }
    return {};
}

} // namespace oa_stream::probe
