// Numbers that are a whole text: nothing stands before or behind them.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace oa_stream {

/// As std::from_chars reads it: to a double "inf" and "nan" are numbers, too.
template <class Number>
[[nodiscard]] std::optional<Number> number_of(std::string_view text) noexcept {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

/// Of digits and at most one point: no sign, no exponent, no word.
[[nodiscard]] inline std::optional<double> decimal_of(std::string_view text) noexcept {
    const bool plain = text.find_first_not_of("0123456789.") == std::string_view::npos;
    return plain ? number_of<double>(text) : std::nullopt;
}

} // namespace oa_stream
