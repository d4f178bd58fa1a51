#include "redact_values.hpp"

#include <algorithm>
#include <charconv>

namespace oa_stream {

namespace {

bool ends_value(char c) noexcept {
    return static_cast<unsigned char>(c) <= ' ' || std::string_view("&#\"'`<>\x7f").contains(c);
}

/// How many bytes at its end are not of the value.
std::size_t after_value(std::string_view value) noexcept {
    constexpr std::string_view k_left_out = "…"; // of a text that was cut
    return value.empty()                                       ? 0
           : value.ends_with(k_left_out)                       ? k_left_out.size()
           : std::string_view(",;:)]}").contains(value.back()) ? 1
                                                               : 0;
}

std::size_t slashes_before(std::string_view text, std::size_t at) noexcept {
    return at - (text.substr(0, at).find_last_not_of('\\') + 1);
}

} // namespace

std::optional<Escape> escape_at(std::string_view text, std::size_t at) noexcept {
    const std::size_t kind = std::min(text.find_first_not_of('\\', at), text.size());
    if (kind <= at || kind == text.size()) {
        return std::nullopt;
    }
    if (text[kind] == '/') {
        return Escape{'/', kind + 1};
    }
    constexpr std::size_t k_digits = 4; // of \uXXXX
    const std::string_view digits = text.substr(kind + 1, k_digits);
    unsigned code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (text[kind] != 'u' || error != std::errc() || end - digits.data() != k_digits) {
        return std::nullopt;
    }
    constexpr unsigned k_ascii = 0x80;
    return Escape{code < k_ascii ? static_cast<char>(code) : '?', kind + 1 + k_digits};
}

std::size_t value_end(std::string_view text, std::size_t from) noexcept {
    std::size_t at = from;
    while (at < text.size() && !ends_value(text[at])) {
        const auto escape = escape_at(text, at);
        const bool over = text[at] == '\\' && (!escape || ends_value(escape->stands_for));
        if (over) {
            break;
        }
        at = escape ? escape->end : at + 1;
    }
    while (const std::size_t more = after_value(text.substr(from, at - from))) {
        at -= more;
    }
    return at;
}

/// Each level of JSON doubles the backslashes before a quote and adds one.
std::size_t quoted_end(std::string_view text, std::size_t open) noexcept {
    const std::size_t level = slashes_before(text, open);
    for (std::size_t at = open + 1; at < text.size(); ++at) {
        at = std::min(text.find_first_of("\"\n", at), text.size());
        if (at == text.size() || text[at] == '\n') {
            return at;
        }
        const std::size_t slashes = std::min(slashes_before(text, at), at - open - 1);
        if (slashes < level) { // it ends the string around this one
            return at - slashes;
        }
        if (slashes % (2 * (level + 1)) == level) {
            return at - level;
        }
    }
    return text.size();
}

} // namespace oa_stream
