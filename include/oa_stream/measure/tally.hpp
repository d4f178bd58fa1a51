// What one arm showed in a window, whatever the source: the form that gates judge.
#pragma once

#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/sample.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

/// Times are raw or in buckets, never both; they are of the requested Timing.
struct Tally {
    Counts requests{};
    std::vector<double> first_content_s{}; ///< ascending; +Inf: ran into a time limit
    /// For each time, the stretch of the window in which it was requested; shows whether times
    /// drift. Empty: not known.
    std::vector<std::uint8_t> time_blocks{};
    std::vector<Bucket> buckets{}; ///< tidy
    /// Request counts of equal stretches of the window; they show whether bad requests come in
    /// clumps. Empty: not known.
    std::vector<Counts> blocks{};
    std::optional<double> value{}; ///< of a PromQL expression, which counts no requests

    /// Number of times.
    [[nodiscard]] std::uint64_t timed() const noexcept;
};

/// Counts as bad the endings that a gate's `events` names; otherwise every bad sample.
[[nodiscard]] Tally tally_of(
    std::span<const Sample> samples,
    Timing timing = Timing::first_content,
    std::string_view events = {}
);
/// Number of stretches that a window is divided into.
inline constexpr std::size_t k_blocks = 20;

} // namespace oa_stream::measure
