#include "oa_stream/base/json.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <limits>
#include <utility>

namespace oa_stream {

namespace {

void append_escaped(std::string& out, unsigned char c) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        out += "\\u00";
        out += k_digits[c >> 4U];
        out += k_digits[c & 15U];
    }
}

/// `text` is valid UTF-8.
void append_valid(std::string& out, std::string_view text) {
    while (true) {
        const auto run = unescaped_run(text);
        out += text.substr(0, run);
        if (run == text.size()) {
            return;
        }
        append_escaped(out, static_cast<unsigned char>(text[run]));
        text.remove_prefix(run + 1);
    }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    if (plain_run<true>(text) == text.size()) {
        out += text;
        text = {};
    }
    while (const auto bad = invalid_utf8(text)) {
        append_valid(out, text.substr(0, *bad));
        out += "\xEF\xBF\xBD";
        text.remove_prefix(*bad + 1);
    }
    append_valid(out, text);
    out += '"';
}

namespace {

std::string dump_slowly(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_text(std::string& out, const std::string& text) {
    if (invalid_utf8(text)) {
        out +=
            dump_slowly(Json(text)); // one U+FFFD for a sequence that breaks off, not for each byte
    } else {
        out += '"';
        append_valid(out, text);
        out += '"';
    }
}

/// The size of the JSON, for texts without escapes: a page with photos that outgrows its memory is
/// copied four times.
std::size_t usual_size(const Json& value) {
    constexpr std::size_t k_scalar = 8;
    std::size_t out = 2;
    if (const auto* members = value.get_ptr<const Json::object_t*>()) {
        for (const auto& [name, inner] : *members) {
            out += name.size() + 4 + usual_size(inner);
        }
    } else if (const auto* items = value.get_ptr<const Json::array_t*>()) {
        for (const Json& inner : *items) {
            out += 1 + usual_size(inner);
        }
    } else if (const auto* text = value.get_ptr<const std::string*>()) {
        out += text->size();
    } else {
        out += k_scalar;
    }
    return out;
}

/// The library's own takes texts byte by byte: several times as long, on the loop's thread.
void append_value(std::string& out, const Json& value) {
    if (const auto* members = value.get_ptr<const Json::object_t*>()) {
        char before = '{';
        for (const auto& [name, inner] : *members) {
            out += std::exchange(before, ',');
            append_text(out, name);
            out += ':';
            append_value(out, inner);
        }
        out += members->empty() ? "{}" : "}";
    } else if (const auto* items = value.get_ptr<const Json::array_t*>()) {
        char before = '[';
        for (const Json& inner : *items) {
            out += std::exchange(before, ',');
            append_value(out, inner);
        }
        out += items->empty() ? "[]" : "]";
    } else if (const auto* text = value.get_ptr<const std::string*>()) {
        append_text(out, *text);
    } else {
        out += dump_slowly(value);
    }
}

} // namespace

std::string dump_json(const Json& value) {
    std::string out;
    out.reserve(usual_size(value));
    append_value(out, value);
    return out;
}

std::string json_document(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const Json* member(const Json& object, std::string_view key) noexcept {
    const auto* members = object.get_ptr<const Json::object_t*>();
    if (members == nullptr) {
        return nullptr;
    }
    for (const auto& [name, value] : *members) {
        if (name == key) {
            return &value;
        }
    }
    return nullptr;
}

std::optional<std::string_view> string_member(const Json& object, std::string_view key) noexcept {
    const Json* found = member(object, key);
    if (found == nullptr || !found->is_string()) {
        return std::nullopt;
    }
    return std::string_view(found->get_ref<const std::string&>());
}

std::optional<std::int64_t> int_member(const Json& object, std::string_view key) noexcept {
    const Json* found = member(object, key);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (const auto* large = found->get_ptr<const Json::number_unsigned_t*>()) {
        constexpr auto k_most = std::numeric_limits<std::int64_t>::max();
        return *large > static_cast<std::uint64_t>(k_most)
                   ? std::nullopt
                   : std::optional(static_cast<std::int64_t>(*large));
    }
    const auto* number = found->get_ptr<const Json::number_integer_t*>();
    return number == nullptr ? std::nullopt : std::optional<std::int64_t>(*number);
}

std::optional<bool> bool_member(const Json& object, std::string_view key) noexcept {
    const Json* found = member(object, key);
    if (found == nullptr || !found->is_boolean()) {
        return std::nullopt;
    }
    return found->get<bool>();
}

} // namespace oa_stream
