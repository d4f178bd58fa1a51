// Durations and times as plain numbers, for statistics and reports, and measured numbers as text.
#pragma once

#include <chrono>
#include <limits>
#include <string>

namespace oa_stream {

template <class Rep, class Period>
[[nodiscard]] constexpr double seconds(std::chrono::duration<Rep, Period> duration) noexcept {
    return std::chrono::duration<double>(duration).count();
}

/// Since 1970.
[[nodiscard]] inline double unix_seconds(std::chrono::system_clock::time_point time) noexcept {
    return seconds(time.time_since_epoch());
}

inline constexpr double k_unlimited = std::numeric_limits<double>::infinity();

/// "3.7%", with as many digits as it takes to see on which side of `limit` it lies (at most 6).
[[nodiscard]] std::string percent_text(double share, double limit = k_unlimited);
/// "142ms", "2.51s", with the same care.
[[nodiscard]] std::string seconds_text(double seconds, double limit = k_unlimited);

} // namespace oa_stream
