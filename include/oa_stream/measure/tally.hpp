// What one arm showed in a window, whatever the source: the one form gates judge.
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

/// Times come raw or in buckets, never both; they are of the timing that was asked for.
struct Tally {
    Counts requests{};
    std::vector<double> first_content_s{}; ///< ascending; +Inf: ran into a time limit
    /// Of each of them the stretch of the window in which it was asked; they show whether times
    /// drift. Empty: not known.
    std::vector<std::uint8_t> time_blocks{};
    std::vector<Bucket> buckets{}; ///< tidy
    /// The requests by equal stretches of the window; they show whether bad ones come in clumps.
    /// Empty: not known.
    std::vector<Counts> blocks{};
    std::optional<double> value{}; ///< of a PromQL expression, which counts no requests

    /// How many times there are.
    [[nodiscard]] std::uint64_t timed() const noexcept;
};

/// As bad counts what `events` of a gate says: endings of probes, else any.
[[nodiscard]] Tally tally_of(
    std::span<const Sample> samples,
    Timing timing = Timing::first_content,
    std::string_view events = {}
);
/// Stretches that a window is cut into.
inline constexpr std::size_t k_blocks = 20;

} // namespace oa_stream::measure
