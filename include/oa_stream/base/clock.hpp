// Wall-clock text and durations.
#pragma once

#include "oa_stream/base/error.hpp"

#include <chrono>
#include <cstdint>
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

/// Parses "250ms", "10s", "5m", "2h", "30d" (decimal numbers, a unit is required, no spaces, no
/// sign). Errors: Code::usage naming the text and the units.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "250ms", "1.5s", "2m30s", "7d" (whole days only, "25h"): the shortest exact form.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

} // namespace oa_stream
