// Durations and times as plain numbers, for statistics and reports.
#pragma once

#include <chrono>

namespace oa_stream {

template <class Rep, class Period>
[[nodiscard]] constexpr double seconds(std::chrono::duration<Rep, Period> duration) noexcept {
    return std::chrono::duration<double>(duration).count();
}

/// Since 1970.
[[nodiscard]] inline double unix_seconds(std::chrono::system_clock::time_point time) noexcept {
    return seconds(time.time_since_epoch());
}

} // namespace oa_stream
