// What one arm showed in a window, whatever the source: the one form gates judge.
#pragma once

#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/sample.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace oa_stream::measure {

/// Times come raw or in buckets, never both.
struct Tally {
    Counts requests{};
    std::vector<double> first_content_s{}; ///< ascending; +Inf: ran into a time limit
    std::vector<Bucket> buckets{};         ///< tidy

    /// How many times there are.
    [[nodiscard]] std::uint64_t timed() const noexcept;
};

[[nodiscard]] Tally tally_of(std::span<const Sample> samples);

} // namespace oa_stream::measure
