// Finds the end of a run of plain printable ASCII, eight bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace oa_stream::wire {

inline constexpr std::uint64_t k_ones = 0x0101010101010101U;
inline constexpr std::uint64_t k_highs = 0x8080808080808080U;

/// Non-zero when one of the eight bytes is a control byte (below 0x20) or not ASCII (0x80 and up).
[[nodiscard]] inline std::uint64_t odd_bytes(std::uint64_t word) noexcept {
    return ((word - k_ones * 0x20U) | word) & k_highs;
}

/// Non-zero when one of the eight bytes equals `byte`.
[[nodiscard]] inline std::uint64_t has_byte(std::uint64_t word, unsigned char byte) noexcept {
    const std::uint64_t zero_where_equal = word ^ (k_ones * byte);
    return (zero_where_equal - k_ones) & ~zero_where_equal & k_highs;
}

/// Length of the leading run without control bytes and without bytes from 0x80 up; with
/// `Quoted`, also without '"' and '\'. May stop up to seven bytes early, never late.
template <bool Quoted> [[nodiscard]] inline std::size_t plain_run(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at + 8 <= text.size()) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        std::uint64_t stop = odd_bytes(word);
        if constexpr (Quoted) {
            stop |= has_byte(word, '"') | has_byte(word, '\\');
        }
        if (stop != 0) {
            break;
        }
        at += 8;
    }
    return at;
}

} // namespace oa_stream::wire
