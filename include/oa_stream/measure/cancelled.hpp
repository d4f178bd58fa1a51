// Outcomes of requests that were not waited for to their end, and so count as no request.
#pragma once

#include "oa_stream/measure/sample.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// The outcome of a request that oa-stream cancelled while its answer was under way. It counts as
/// no request, because its end is unknown. Its `end_s` is the time of the cancellation.
inline constexpr std::string_view k_cancelled = "cancelled";

/// The outcome of a request that ran into one of our time limits while oa-stream itself was stalled
/// for most of that time. It counts as no request either: the target's behaviour is unknown.
inline constexpr std::string_view k_starved = "starved";

/// Counts as no request: cancelled, or not measured because oa-stream was stalled.
[[nodiscard]] bool is_cancelled(const Sample& sample) noexcept;

/// Not measured, or only partly, because oa-stream was stalled.
[[nodiscard]] bool was_starved(const Sample& sample) noexcept;
/// Set when stalls cost more of the canary's probes than of stable's: explains why the canary's
/// remaining answers do not show its quality. Empty: they do.
[[nodiscard]] std::string
hidden_by_starvation(std::span<const Sample> canary, std::span<const Sample> stable);

} // namespace oa_stream::measure
