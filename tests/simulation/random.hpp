// The same numbers on every platform; the standard's distributions differ between libraries.
#pragma once

#include "stats/resample.hpp"

#include <cmath>
#include <cstdint>

namespace oa_stream::simulation {

class Random : private measure::Random {
public:
    using measure::Random::next;
    using measure::Random::Random;
    /// Uniform in (0, 1].
    [[nodiscard]] double unit() { return static_cast<double>((next() >> 11U) + 1) * 0x1p-53; }

    /// Standard normal, Marsaglia's polar method.
    [[nodiscard]] double normal() {
        if (spare_) {
            spare_ = false;
            return kept_;
        }
        for (;;) {
            const double a = 2 * unit() - 1;
            const double b = 2 * unit() - 1;
            const double square = a * a + b * b;
            if (square > 0 && square < 1) {
                const double scale = std::sqrt(-2 * std::log(square) / square);
                kept_ = b * scale;
                spare_ = true;
                return a * scale;
            }
        }
    }
    /// How many of `n` happen, each with chance `p` in (0, 1): skips from one to the next.
    [[nodiscard]] std::uint64_t binomial(std::uint64_t n, double p) {
        const double per_skip = std::log1p(-p);
        std::uint64_t happened = 0;
        double at = 0;
        for (;;) {
            at += 1 + std::floor(std::log(unit()) / per_skip);
            if (at > static_cast<double>(n)) {
                return happened;
            }
            ++happened;
        }
    }

private:
    double kept_ = 0;
    bool spare_ = false;
};

} // namespace oa_stream::simulation
