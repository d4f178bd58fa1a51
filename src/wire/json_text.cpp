#include "json_text.hpp"

#include "oa_stream/base/utf8.hpp"

#include "utf8_tracker.hpp"

#include <cstdint>
#include <optional>

namespace oa_stream::wire {

namespace {

constexpr std::string_view k_replacement = "\xEF\xBF\xBD";

void append_code_point(std::string& out, std::uint32_t point) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xC0U | (point >> 6U));
        put(0x80U | (point & 0x3FU));
    } else if (point < 0x10000) {
        put(0xE0U | (point >> 12U));
        put(0x80U | ((point >> 6U) & 0x3FU));
        put(0x80U | (point & 0x3FU));
    } else {
        put(0xF0U | (point >> 18U));
        put(0x80U | ((point >> 12U) & 0x3FU));
        put(0x80U | ((point >> 6U) & 0x3FU));
        put(0x80U | (point & 0x3FU));
    }
}

std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
    if (at + 4 > text.size()) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char c : text.substr(at, 4)) {
        std::uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<std::uint32_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<std::uint32_t>(c - 'a') + 10U;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<std::uint32_t>(c - 'A') + 10U;
        } else {
            return std::nullopt;
        }
        value = value * 16U + digit;
    }
    return value;
}

/// `at` is at the 'u'. A high surrogate followed by a low one forms one code point.
bool read_unicode(std::string_view text, std::size_t& at, std::string& out, bool& lone) {
    const auto unit = hex4(text, at + 1);
    if (!unit) {
        return false;
    }
    at += 5;
    std::uint32_t point = *unit;
    if (point >= 0xD800 && point <= 0xDFFF) {
        const auto low = text.substr(at).starts_with("\\u") ? hex4(text, at + 2) : std::nullopt;
        if (point <= 0xDBFF && low && *low >= 0xDC00 && *low <= 0xDFFF) {
            point = 0x10000U + ((point - 0xD800U) << 10U) + (*low - 0xDC00U);
            at += 6;
        } else {
            lone = true;
        }
    }
    append_code_point(out, point);
    return true;
}

/// `at` is after the backslash.
bool read_escape(std::string_view text, std::size_t& at, std::string& out, bool& lone) {
    static constexpr std::string_view k_names = "\"\\/bfnrt";
    static constexpr std::string_view k_values = "\"\\/\b\f\n\r\t";
    if (at >= text.size()) {
        return false;
    }
    if (text[at] == 'u') {
        return read_unicode(text, at, out, lone);
    }
    const std::size_t which = k_names.find(text[at]);
    if (which == std::string_view::npos) {
        return false;
    }
    out += k_values[which];
    ++at;
    return true;
}

/// Copies one sequence of two to four bytes. An ill-formed one becomes U+FFFD, and the byte that
/// broke it is read again (WHATWG decoding).
void copy_sequence(std::string_view text, std::size_t& at, std::string& out) {
    Utf8Tracker utf8;
    const std::size_t start = at;
    while (at < text.size()) {
        if (!utf8.step(static_cast<unsigned char>(text[at]))) {
            out += k_replacement;
            at += at == start ? 1U : 0U;
            return;
        }
        ++at;
        if (!utf8.pending()) {
            out.append(text, start, at - start);
            return;
        }
    }
    out += k_replacement;
}

} // namespace

bool read_json_string(
    std::string_view text, std::size_t& at, std::string& out, bool& lone_surrogate
) {
    ++at;
    while (at < text.size()) {
        const std::size_t run = plain_run<true>(text.substr(at));
        out.append(text, at, run);
        at += run;
        if (at >= text.size()) {
            return false;
        }
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte == '"') {
            ++at;
            return true;
        }
        if (byte < 0x20) {
            return false;
        }
        if (byte >= 0x80) {
            copy_sequence(text, at, out);
        } else if (++at; !read_escape(text, at, out, lone_surrogate)) {
            return false;
        }
    }
    return false;
}

} // namespace oa_stream::wire
