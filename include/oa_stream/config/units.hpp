// Numbers with units, as people write them into files and behind flags. All are strict: decimal, no
// spaces, no exponent, a unit is required. Errors are Code::usage; the message says what was read
// and what was expected, the hint what to write instead.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"

#include <string>
#include <string_view>

namespace oa_stream::config {

/// "250ms", "10s", "5m", "2h", "30d".
[[nodiscard]] Result<Millis> read_duration(std::string_view text);
/// "5%", "99.9%" → 0.05, 0.999; within 0–100 %.
[[nodiscard]] Result<double> read_percent(std::string_view text);
/// "5%" → 5; whole, within 0–100 %.
[[nodiscard]] Result<int> read_whole_percent(std::string_view text);
/// "2/s", "120/m", "10/h" → per second.
[[nodiscard]] Result<double> read_rate(std::string_view text);
/// "true" or "false" and nothing else.
[[nodiscard]] Result<bool> read_boolean(std::string_view text);

enum class LimitUnit {
    share, ///< "1%" → 0.01
    relative, ///< "+20%" → 0.2
    points, ///< "+1pp" → 0.01: percentage points
    seconds, ///< "2.5s" → 2.5
};
struct Limit {
    double value = 0;
    LimitUnit unit = LimitUnit::share;
    friend bool operator==(const Limit&, const Limit&) = default;
};
/// A limit of a gate in any of the four forms. Shares and points of 100 or more are refused.
[[nodiscard]] Result<Limit> read_limit(std::string_view text);

/// Shortest exact text: "5%", "99.9%" and "2/s".
[[nodiscard]] std::string exact_percent(double share);
[[nodiscard]] std::string rate_text(double per_second);

} // namespace oa_stream::config
