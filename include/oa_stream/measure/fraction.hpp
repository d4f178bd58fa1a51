// Exact decimal fractions: the rank for 0.07 · 100 must be 7, not 8.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>

namespace oa_stream::measure {

/// A non-negative rational number. `den` is never 0.
struct Fraction {
    std::uint64_t num = 0;
    std::uint64_t den = 1;

    [[nodiscard]] constexpr double value() const noexcept {
        return static_cast<double>(num) / static_cast<double>(den);
    }
    /// "0.95", "95", "1/12": digits only, at most 15 of them. Code::usage otherwise.
    [[nodiscard]] static Result<Fraction> parse(std::string_view text);
    /// Exact to nine digits, the most that a playbook writes.
    [[nodiscard]] static Fraction of(double share) noexcept;
    /// By value: 19/20 is 95/100.
    friend constexpr bool operator==(const Fraction& a, const Fraction& b) noexcept {
        const std::uint64_t of_a = std::gcd(a.num, a.den);
        const std::uint64_t of_b = std::gcd(b.num, b.den);
        return a.num / of_a == b.num / of_b && a.den / of_a == b.den / of_b;
    }
};

inline constexpr Fraction k_p50{1, 2};
inline constexpr Fraction k_p95{95, 100};
inline constexpr Fraction k_p99{99, 100};

/// "p99.9" → 999/1000; nullopt unless it is a percentile above 0 and below 100.
[[nodiscard]] std::optional<Fraction> percentile(std::string_view word);

} // namespace oa_stream::measure
