// UTF-8 taken as valid: where its code points begin, and how many there are.
#pragma once

#include <algorithm>
#include <cstddef>
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

} // namespace oa_stream
