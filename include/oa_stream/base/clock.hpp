// Wall-clock text and durations.
#pragma once

#include "oa_stream/base/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream {

using WallTime = std::chrono::system_clock::time_point;

/// 2026-02-22T04:36:00.123Z
[[nodiscard]] std::string rfc3339_millis(WallTime time);
/// Seconds since 1970; fractions count.
[[nodiscard]] WallTime wall_time(double unix_s);
/// Now, in whole seconds since 1970.
[[nodiscard]] std::int64_t unix_now() noexcept;
/// 20260222T043600Z – for folder names.
[[nodiscard]] std::string compact_utc(WallTime time);

/// 2026-02-22T04:36:00[.123](Z|+01:00), to the millisecond; nullopt for anything else, for a day
/// that no calendar has, and for text before or behind it. Times before 1970 or after 2199 become
/// the nearest between: any two of those can be subtracted.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

struct TimeAtStart {
    WallTime time;
    std::size_t length = 0; ///< of the stamp
};
/// The time with which a log line begins. Takes what loggers write besides RFC 3339: a space for
/// 'T', a comma before the fraction, "+0100". Without a zone there is no telling the time: nullopt.
[[nodiscard]] std::optional<TimeAtStart> time_at_start(std::string_view text);

/// Parses "250ms", "10s", "5m", "2h", "30d" and what format_duration() writes: "1m30s", from the
/// largest unit on (decimal numbers, a unit is required, no spaces, no sign). Errors: Code::usage
/// naming the text and the units.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "250ms", "1.5s", "2m30s", "7d" (whole days only, "25h"): the shortest exact form.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

} // namespace oa_stream
