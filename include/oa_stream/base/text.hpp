// Small text tools: UTF-8, escaping, suggestions, strict numbers, maps from texts.
#pragma once

#include "oa_stream/base/error.hpp"

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace oa_stream {

/// For maps that are asked by views of their keys, without a copy.
struct TextHash {
    using is_transparent = void; // NOLINT(readability-identifier-naming): the standard's name
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>()(text);
    }
};

template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// Offset of the first invalid UTF-8 byte (overlong, surrogate, cut, > U+10FFFF), nullopt if valid.
[[nodiscard]] std::optional<std::size_t> invalid_utf8(std::string_view text) noexcept;

/// How many leading bytes of `text` form whole code points; the rest (≤ 3 bytes) is an unfinished
/// but so far valid sequence. Invalid bytes count as whole.
[[nodiscard]] std::size_t whole_utf8_prefix(std::string_view text) noexcept;

/// Control characters and quotes made visible (\n, \x1b, …), cut to `limit` bytes with "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 160);

/// Control characters but the ones `allowed` made visible, and nothing else: what printable()
/// returned stays as it is.
[[nodiscard]] std::string show_controls(std::string_view text, std::string_view allowed = {});

/// The candidate closest to `word` by edit distance, nullopt when none is near (≤ 1/3 of its
/// length).
[[nodiscard]] std::optional<std::string_view>
nearest(std::string_view word, std::span<const std::string_view> candidates);

/// The hint "did you mean NEAREST?"; none is near: `otherwise`.
[[nodiscard]] Advice did_you_mean(
    std::string_view word, std::span<const std::string_view> candidates, Advice otherwise = {}
);

/// Strict decimal, no sign, no leading zeros but "0", within [low, high]. Code::usage otherwise.
[[nodiscard]] Result<std::uint64_t>
parse_count(std::string_view text, std::uint64_t low, std::uint64_t high);

/// A number that is the whole text. As std::from_chars reads it: to a double "inf" and "nan" are
/// numbers, too.
template <class Number>
[[nodiscard]] std::optional<Number> number_of(std::string_view text) noexcept {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

/// Digits, perhaps with a point between them: no sign, no exponent, no word.
[[nodiscard]] inline std::optional<double> decimal_of(std::string_view text) noexcept {
    const bool plain = text.find_first_not_of("0123456789.") == std::string_view::npos &&
                       !text.starts_with('.') && !text.ends_with('.');
    return plain ? number_of<double>(text) : std::nullopt;
}

/// %XX decoded once; nullopt on a broken escape.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// Of ASCII, whatever the locale.
[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/// Not empty, and nothing but letters and digits of ASCII, and `marks`.
[[nodiscard]] bool is_plain_word(std::string_view text, std::string_view marks) noexcept;

/// The first `most` and how many there are more: "a, b and 3 more", "a; b; and 3 more".
[[nodiscard]] std::string
first_of(std::vector<std::string> all, std::size_t most, std::string_view between);

[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// … of white space of any script, too.
[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
/// Of "Text/HTML; charset=utf-8": "text/html".
[[nodiscard]] std::string media_type_of(std::string_view content_type);
/// A header's "a, b" has that word, in any case.
[[nodiscard]] bool lists_word(std::string_view list, std::string_view word) noexcept;

} // namespace oa_stream
