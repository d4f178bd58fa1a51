// Numbers with units, as people write them into files and behind flags. All are strict: decimal, no
// spaces, no exponent, and with a unit unless a function says otherwise. Errors are Code::usage;
// the message says what was read and what was expected, the hint what to write instead.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream::config {

/// As parse_duration() reads it.
[[nodiscard]] Result<Millis> read_duration(std::string_view text);
/// "5%", "99.9%" → 0.05, 0.999; within 0–100 %.
[[nodiscard]] Result<double> read_percent(std::string_view text);
/// "5%" or "0.05" → 0.05. From 1 on the sign is required: a bare "1" could be 1% or all.
[[nodiscard]] Result<double> read_share(std::string_view text);
/// "5%" → 5; whole, within 0–100 %.
[[nodiscard]] Result<int> read_whole_percent(std::string_view text);
/// "2/s", "120/m", "10/h" → per second.
[[nodiscard]] Result<double> read_rate(std::string_view text);
/// The same of an option, where a bare number is per second. Within `low` and `high`.
[[nodiscard]] Result<double> read_rate_within(std::string_view text, double low, double high);
/// "65536", "64k", "8m", "2g" and KiB, MiB, GiB: powers of 1024. "500MB", "1.5GB" (B to TB): of
/// 1000. In any case of letters, at most 10^15 bytes.
[[nodiscard]] Result<std::uint64_t> read_size(std::string_view text);
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
