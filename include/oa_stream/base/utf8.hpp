// UTF-8 taken as valid: where its code points begin, and how many there are. Of any bytes: how far
// they are plain text.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream {

/// Every byte of UTF-8 but the ones that go on with a code point.
[[nodiscard]] constexpr bool begins_code_point(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

/// As people count characters, near enough.
[[nodiscard]] constexpr std::size_t code_points(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_code_point));
}

/// Offset of the code point with `before` others before it; the size when there are not so many.
[[nodiscard]] constexpr std::size_t
offset_of_code_point(std::string_view text, std::size_t before) noexcept {
    for (std::size_t at = 0, seen = 0; at < text.size(); ++at) {
        if (begins_code_point(text[at]) && seen++ == before) {
            return at;
        }
    }
    return text.size();
}

/// The whole code points within the first `bytes` bytes.
[[nodiscard]] constexpr std::string_view
cut_at_code_point(std::string_view text, std::size_t bytes) noexcept {
    std::size_t end = std::min(bytes, text.size());
    while (end > 0 && end < text.size() && !begins_code_point(text[end])) {
        --end;
    }
    return text.substr(0, end);
}

// Runs of plain text, eight bytes at a time: texts are long, and few of their bytes are special.
// ----------------------------------------------------------------------------------------------

namespace detail {

inline constexpr std::uint64_t k_ones = 0x0101010101010101U;
inline constexpr std::uint64_t k_highs = 0x8080808080808080U;

// Each marks the high bit of every byte that it looks for. Above the lowest mark there may be wrong
// ones, so only the lowest one counts.

/// Below `byte`, which is at most 0x80.
[[nodiscard]] constexpr std::uint64_t bytes_below(std::uint64_t word, unsigned char byte) noexcept {
    return (word - k_ones * byte) & ~word & k_highs;
}
[[nodiscard]] constexpr std::uint64_t control_bytes(std::uint64_t word) noexcept {
    return bytes_below(word, 0x20);
}
[[nodiscard]] constexpr std::uint64_t equal_bytes(std::uint64_t word, unsigned char byte) noexcept {
    const std::uint64_t zero_where_equal = word ^ (k_ones * byte);
    return (zero_where_equal - k_ones) & ~zero_where_equal & k_highs;
}

/// Length of the leading run of which `marks(word)` marks no byte.
template <class Marks>
[[nodiscard]] std::size_t run_without(std::string_view text, Marks marks) noexcept {
    static_assert(std::endian::native == std::endian::little);
    constexpr std::size_t k_size = sizeof(std::uint64_t);
    std::size_t at = 0;
    std::uint64_t found = 0;
    for (; at + k_size <= text.size() && found == 0; at += k_size) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, k_size);
        found = marks(word);
    }
    if (found != 0) {
        return at - k_size + static_cast<std::size_t>(std::countr_zero(found)) / k_size;
    }
    if (at == text.size()) {
        return at;
    }
    std::uint64_t last = k_ones * 'a';
    std::memcpy(&last, text.data() + at, text.size() - at);
    const auto rest = static_cast<std::size_t>(std::countr_zero(marks(last))) / k_size;
    return std::min(text.size(), at + rest);
}

} // namespace detail

/// Length of the leading run of ASCII.
[[nodiscard]] inline std::size_t ascii_run(std::string_view text) noexcept {
    return detail::run_without(text, [](std::uint64_t word) { return word & detail::k_highs; });
}

/// Length of the leading run of ASCII without control bytes (below 0x20); with `Quoted`, also
/// without '"' and '\\'.
template <bool Quoted> [[nodiscard]] std::size_t plain_run(std::string_view text) noexcept {
    return detail::run_without(text, [](std::uint64_t word) {
        const auto odd = detail::control_bytes(word) | (word & detail::k_highs);
        return Quoted ? odd | detail::equal_bytes(word, '"') | detail::equal_bytes(word, '\\')
                      : odd;
    });
}

/// Length of the leading run of printable ASCII without blanks, '"' and '\\', such as base64.
[[nodiscard]] inline std::size_t unbroken_run(std::string_view text) noexcept {
    return detail::run_without(text, [](std::uint64_t word) {
        return detail::bytes_below(word, '!') | (word & detail::k_highs) |
               detail::equal_bytes(word, '\x7f') | detail::equal_bytes(word, '"') |
               detail::equal_bytes(word, '\\');
    });
}

/// Length of the leading run that stands in a JSON string as it is, when the text is valid UTF-8.
[[nodiscard]] inline std::size_t unescaped_run(std::string_view text) noexcept {
    return detail::run_without(text, [](std::uint64_t word) {
        return detail::control_bytes(word) | detail::equal_bytes(word, '"') |
               detail::equal_bytes(word, '\\');
    });
}

// Control characters: a terminal obeys them, so no text of others may bring them there.
// ----------------------------------------------------------------------------------------

struct ControlChar {
    /// U+0000 to U+001F, U+007F, U+0080 to U+009F, and what ends or turns round the reader's line:
    /// U+2028 to U+202E, U+2066 to U+2069.
    unsigned code = 0;
    std::size_t at = 0;
    std::size_t bytes = 1;
};

/// The one that `text` begins with.
[[nodiscard]] constexpr std::optional<ControlChar> leading_control(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.empty()) {
        return std::nullopt;
    }
    if (byte(0) < 0x20 || byte(0) == 0x7f) {
        return ControlChar{.code = byte(0)};
    }
    const auto last = [&](std::size_t i, unsigned from, unsigned to) {
        return text.size() > i && byte(i) >= from && byte(i) <= to;
    };
    if (byte(0) == 0xc2 && last(1, 0x80, 0x9f)) {
        return ControlChar{.code = byte(1), .bytes = 2};
    }
    if (text.starts_with("\xe2\x80") && last(2, 0xa8, 0xae)) {
        return ControlChar{.code = 0x2000U + (byte(2) & 0x3fU), .bytes = 3};
    }
    if (text.starts_with("\xe2\x81") && last(2, 0xa6, 0xa9)) {
        return ControlChar{.code = 0x2040U + (byte(2) & 0x3fU), .bytes = 3};
    }
    return std::nullopt;
}

/// The first one that is none of `allowed` and has at most that many bytes.
[[nodiscard]] constexpr std::optional<ControlChar> find_control(
    std::string_view text, std::string_view allowed = {}, std::size_t most_bytes = 3
) noexcept {
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto found = leading_control(text.substr(at));
        if (found && found->bytes <= most_bytes &&
            allowed.find(text[at]) == std::string_view::npos) {
            found->at = at;
            return found;
        }
    }
    return std::nullopt;
}

/// The first one that is refused: below U+00A0. Stored runs have the others in their texts, so
/// these are shown and accepted.
[[nodiscard]] constexpr std::optional<ControlChar>
find_refused_control(std::string_view text, std::string_view allowed = {}) noexcept {
    return find_control(text, allowed, 2);
}

/// Each but those of `allowed` is a space.
[[nodiscard]] inline std::string
blank_controls(std::string_view text, std::string_view allowed = {}) {
    std::string out;
    out.reserve(text.size());
    while (const auto control = find_control(text, allowed)) {
        out.append(text.substr(0, control->at)) += ' ';
        text.remove_prefix(control->at + control->bytes);
    }
    return out.append(text);
}

} // namespace oa_stream
