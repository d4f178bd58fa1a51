// Counts of whole numbers in buckets whose width grows with the value: percentiles of any number of
// values in constant memory, with a stated relative error.
#pragma once

#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/fraction.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace oa_stream::measure {

/// Each power of two is split into 2^precision equal buckets, so a value is estimated from its
/// bucket's middle with a relative error of at most 2^−(precision + 1); values below 2^(precision +
/// 1) are exact. Count, minimum, maximum and sum are exact always. Not thread-safe.
class LogLinearHistogram {
public:
    static constexpr unsigned k_max_precision = 16;

    /// precision ≤ k_max_precision (beyond is clamped). 6: error ≤ 1/128, at most 3,776 buckets.
    explicit LogLinearHistogram(unsigned precision = 6);
    /// The coarsest histogram whose error is at most `relative_error` (or k_max_precision's).
    [[nodiscard]] static LogLinearHistogram with_error(Fraction relative_error);

    void record(std::uint64_t value, std::uint64_t times = 1);
    /// Adds the counts of `other`, as if both histograms' values had been recorded in this one.
    /// Returns false and changes nothing when the precisions differ.
    [[nodiscard]] bool merge(const LogLinearHistogram& other);

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t min() const noexcept { return min_; } ///< 0 when empty
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    /// Wraps beyond 2^64 − 1.
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] unsigned precision() const noexcept { return precision_; }
    [[nodiscard]] double relative_error() const noexcept;

    /// The value at the nearest rank of `q`, within relative_error() of the true one and never
    /// outside [min, max]. nullopt for no data.
    [[nodiscard]] std::optional<double> percentile(Fraction q) const;

    /// The same counts as Prometheus reports them, with each bound times `unit` (values in µs,
    /// seconds wanted: 1e-6): both edges of every non-empty bucket, then +Inf. Values are whole
    /// numbers, so the bucket (0.099999, 0.1] holds those of exactly 0.1. Empty for no data.
    [[nodiscard]] std::vector<Bucket> cumulative(double unit) const;

    friend bool operator==(const LogLinearHistogram&, const LogLinearHistogram&) = default;

private:
    [[nodiscard]] std::size_t index_of(std::uint64_t value) const noexcept;
    [[nodiscard]] double middle_of(std::size_t index) const noexcept;
    [[nodiscard]] std::uint64_t lowest_of(std::size_t index) const noexcept;
    [[nodiscard]] std::uint64_t width_of(std::size_t index) const noexcept;

    unsigned precision_;
    std::uint64_t count_ = 0;
    std::uint64_t min_ = 0;
    std::uint64_t max_ = 0;
    std::uint64_t sum_ = 0;
    std::vector<std::uint64_t> buckets_{}; ///< only as long as the largest value requires
};

} // namespace oa_stream::measure
