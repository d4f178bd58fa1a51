#include "oa_stream/measure/histogram.hpp"

#include "oa_stream/measure/quantile.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace oa_stream::measure {

LogLinearHistogram::LogLinearHistogram(unsigned precision)
    : precision_(std::min(precision, k_max_precision)) {
}

LogLinearHistogram LogLinearHistogram::with_error(Fraction relative_error) {
    unsigned precision = 0;
    while (precision < k_max_precision && (static_cast<unsigned __int128>(relative_error.num)
                                           << (precision + 1)) < relative_error.den) {
        ++precision;
    }
    return LogLinearHistogram(precision);
}

double LogLinearHistogram::relative_error() const noexcept {
    return std::ldexp(1.0, -static_cast<int>(precision_) - 1);
}

/// Values below 2^precision are their own index; above, each octave takes 2^precision buckets.
std::size_t LogLinearHistogram::index_of(std::uint64_t value) const noexcept {
    const auto octave = static_cast<unsigned>(std::bit_width(value));
    if (octave <= precision_) {
        return static_cast<std::size_t>(value);
    }
    const unsigned shift = octave - 1 - precision_;
    return (static_cast<std::size_t>(shift) << precision_) +
           static_cast<std::size_t>(value >> shift);
}

std::uint64_t LogLinearHistogram::lowest_of(std::size_t index) const noexcept {
    const std::size_t octave = index >> precision_;
    if (octave <= 1) {
        return index;
    }
    const std::size_t shift = octave - 1;
    return static_cast<std::uint64_t>(index - (shift << precision_)) << shift;
}

std::uint64_t LogLinearHistogram::width_of(std::size_t index) const noexcept {
    const std::size_t octave = index >> precision_;
    return octave <= 1 ? 1 : std::uint64_t{1} << (octave - 1);
}

double LogLinearHistogram::middle_of(std::size_t index) const noexcept {
    return static_cast<double>(lowest_of(index)) + static_cast<double>(width_of(index) - 1) / 2;
}

void LogLinearHistogram::record(std::uint64_t value, std::uint64_t times) {
    if (times == 0) {
        return;
    }
    const std::size_t index = index_of(value);
    if (index >= buckets_.size()) {
        buckets_.resize(index + 1);
    }
    buckets_[index] += times;
    min_ = count_ == 0 ? value : std::min(min_, value);
    max_ = std::max(max_, value);
    count_ += times;
    sum_ += value * times;
}

bool LogLinearHistogram::merge(const LogLinearHistogram& other) {
    if (precision_ != other.precision_) {
        return false;
    }
    if (other.count_ == 0) {
        return true;
    }
    buckets_.resize(std::max(buckets_.size(), other.buckets_.size()));
    for (std::size_t i = 0; i < other.buckets_.size(); ++i) {
        buckets_[i] += other.buckets_[i];
    }
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    count_ += other.count_;
    sum_ += other.sum_;
    return true;
}

std::optional<double> LogLinearHistogram::percentile(Fraction q) const {
    if (count_ == 0) {
        return std::nullopt;
    }
    const std::uint64_t rank = nearest_rank(count_, q);
    std::uint64_t seen = 0;
    std::size_t index = 0;
    while (index + 1 < buckets_.size() && (seen += buckets_[index]) < rank) {
        ++index;
    }
    return std::clamp(middle_of(index), static_cast<double>(min_), static_cast<double>(max_));
}

std::vector<Bucket> LogLinearHistogram::cumulative(double unit) const {
    std::vector<Bucket> out;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        if (buckets_[i] == 0) {
            continue;
        }
        const std::uint64_t low = std::max(lowest_of(i), min_);
        const std::uint64_t high = std::min(lowest_of(i) + (width_of(i) - 1), max_);
        const double below = (static_cast<double>(low) - 1) * unit;
        if (out.empty() || out.back().le < below) {
            out.push_back({.le = below, .count = static_cast<double>(seen)});
        }
        seen += buckets_[i];
        out.push_back({.le = static_cast<double>(high) * unit, .count = static_cast<double>(seen)});
    }
    if (!out.empty()) {
        out.push_back(
            {.le = std::numeric_limits<double>::infinity(), .count = static_cast<double>(count_)}
        );
    }
    return out;
}

} // namespace oa_stream::measure
