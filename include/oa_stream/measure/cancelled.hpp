// Requests whose end nobody waited for, or could.
#pragma once

#include "oa_stream/measure/sample.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// The outcome of a request that was given up while its answer was under way. It counts as no
/// request: nobody knows how it would have ended. Its `end_s` says when it was given up.
inline constexpr std::string_view k_cancelled = "cancelled";

/// The outcome of a request that ran into a time limit of ours while oa-stream itself stood still
/// for most of it. It counts as no request either: nobody knows what the target did.
inline constexpr std::string_view k_starved = "starved";

/// Counts as no request: given up, or not measured for want of our own time.
[[nodiscard]] bool is_cancelled(const Sample& sample) noexcept;

/// Not measured, or not whole, for want of our own time.
[[nodiscard]] bool was_starved(const Sample& sample) noexcept;
/// More of the canary's probes than of stable's were lost so: why its other answers do not show how
/// it does. Empty: they do.
[[nodiscard]] std::string
hidden_by_starvation(std::span<const Sample> canary, std::span<const Sample> stable);

} // namespace oa_stream::measure
