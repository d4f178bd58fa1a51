// Draws from the bootstrap distribution of one statistic. Private to the room.
#pragma once

#include "oa_stream/measure/bootstrap.hpp"

#include <memory>
#include <vector>

namespace oa_stream::measure {

/// splitmix64: four lines, and the same numbers on every platform (std's distributions are not).
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    [[nodiscard]] std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    /// Uniform in [0, n).
    [[nodiscard]] std::size_t below(std::size_t n) {
        return static_cast<std::size_t>((static_cast<unsigned __int128>(next()) * n) >> 64U);
    }
    /// Uniform in [0, 1).
    [[nodiscard]] double unit() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

private:
    std::uint64_t state_;
};

class Resampler {
public:
    Resampler() = default;
    Resampler(const Resampler&) = delete;
    Resampler& operator=(const Resampler&) = delete;
    virtual ~Resampler() = default;
    [[nodiscard]] virtual double draw(Random& random) = 0; ///< from one resample
    [[nodiscard]] virtual double point() const = 0; ///< of the original values
};

/// `values` must not be empty and must outlive the result.
[[nodiscard]] std::unique_ptr<Resampler>
quantile_resampler(std::span<const double> values, Fraction q);
[[nodiscard]] std::unique_ptr<Resampler> mean_resampler(std::span<const double> values);
[[nodiscard]] std::unique_ptr<Resampler> median_resampler(std::span<const double> values);

} // namespace oa_stream::measure
