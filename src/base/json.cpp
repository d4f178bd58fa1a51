#include "oa_stream/base/json.hpp"

#include "oa_stream/base/text.hpp"

#include <limits>

namespace oa_stream {

std::string dump_json(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

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

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t clean = 0; // start of the run not yet copied
    const bool valid = !invalid_utf8(text);
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\' && (valid || c < 0x80)) {
            ++i;
            continue;
        }
        out.append(text, clean, i - clean);
        if (c < 0x80) {
            append_escaped(out, c);
            ++i;
        } else {
            const std::string_view rest = text.substr(i);
            const auto bad = invalid_utf8(rest);
            const std::size_t good = bad.value_or(rest.size());
            out.append(rest.substr(0, good));
            if (good < rest.size()) {
                out += "\xEF\xBF\xBD";
                ++i;
            }
            i += good;
        }
        clean = i;
    }
    out.append(text, clean, text.size() - clean);
    out += '"';
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
