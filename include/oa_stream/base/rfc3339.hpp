// Time stamps read back.
#pragma once

#include "oa_stream/base/clock.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace oa_stream {

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

} // namespace oa_stream
