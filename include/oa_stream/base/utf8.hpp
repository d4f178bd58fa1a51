// UTF-8 taken as valid: where its code points begin, and how many there are.
#pragma once

#include <algorithm>
#include <cstddef>
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
