// Enums: the words that stand for their values in files, options and texts, and sets of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace oa_stream {

/// The word of a value, by a list in the order of the values, which count up from 0.
[[nodiscard]] constexpr std::string_view word_at(const auto& words, auto value) noexcept {
    return words[static_cast<std::size_t>(value)];
}

/// The same by a list that must have a word for each value up to `Last`.
template <auto Last, std::size_t N>
[[nodiscard]] constexpr std::string_view
enum_word(const std::array<std::string_view, N>& words, decltype(Last) value) noexcept {
    static_assert(N == static_cast<std::size_t>(std::to_underlying(Last)) + 1);
    return word_at(words, value);
}

/// The value that `word` stands for; nullopt: no value's.
template <class Enum>
[[nodiscard]] constexpr std::optional<Enum>
enum_value(const auto& words, std::string_view word) noexcept {
    const auto found = std::ranges::find(words, word);
    return found == std::ranges::end(words)
               ? std::nullopt
               : std::optional(static_cast<Enum>(std::ranges::distance(words.begin(), found)));
}

/// Of a set of values.
template <class Enum>
    requires std::is_enum_v<Enum>
[[nodiscard]] constexpr std::uint32_t bit(Enum value) noexcept {
    return std::uint32_t{1} << static_cast<std::uint32_t>(value);
}

} // namespace oa_stream
