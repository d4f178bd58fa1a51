// What a gate may count by itself, besides what makes a turn bad: turns of one terminal class, and
// requests that were refused for want of a valid credential.
#pragma once

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

/// Word of requests that were answered with 401 or 403.
inline constexpr std::string_view k_unauthorised = "unauthorised";
inline constexpr std::array<int, 2> k_auth_statuses{401, 403};

/// All words: those of the terminal classes but `completed`, and k_unauthorised.
inline constexpr std::array<std::string_view, 7> k_class_words{
    "turn_failed",
    "turn_aborted",
    "turn_interrupted",
    "codex_error",
    "adapter_preview_unavailable",
    "client_gone",
    k_unauthorised,
};

/// A set of classes: bit i is k_class_words[i].
using ClassSet = std::uint8_t;
/// Of these words; unknown ones are left out.
[[nodiscard]] ClassSet class_set(std::span<const std::string> words) noexcept;
/// What this ending counts as.
[[nodiscard]] ClassSet classes_of(int status, std::optional<TerminalClass> terminal) noexcept;
/// The counters that add up to turn requests of these classes.
[[nodiscard]] std::vector<Term>
class_terms(std::span<const std::string> words, std::span<const std::string> routes = {});

} // namespace oa_stream::telemetry
