// What a gate can count apart from bad turns: turns of one terminal class, and requests refused for
// lack of a valid credential.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/telemetry/metrics.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::telemetry {

/// All words: those of the terminal classes but `completed`, and k_unauthorised.
inline constexpr auto k_class_words = [] {
    std::array<std::string_view, k_terminals.size()> out{};
    std::size_t next = 0;
    for (const TerminalRow& row : k_terminals) {
        if (row.terminal != TerminalClass::completed) {
            out[next++] = row.word;
        }
    }
    out[next] = k_unauthorised;
    return out;
}();

/// A set of classes: bit i is k_class_words[i].
using ClassSet = std::uint8_t;
static_assert(k_class_words.size() <= 8 * sizeof(ClassSet));
/// The set of these words; unknown ones are ignored.
[[nodiscard]] ClassSet class_set(std::span<const std::string> words) noexcept;
/// The classes that this ending counts in.
[[nodiscard]] ClassSet classes_of(int status, std::optional<TerminalClass> terminal) noexcept;
/// The counters that add up to turn requests of these classes.
[[nodiscard]] std::vector<Term>
class_terms(std::span<const std::string> words, std::span<const std::string> routes = {});

} // namespace oa_stream::telemetry
