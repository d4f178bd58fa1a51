#include "oa_stream/measure/fraction.hpp"

#include <cmath>
#include <numeric>
#include <optional>
#include <string>

namespace oa_stream::measure {
namespace {

constexpr std::size_t k_max_digits = 15; // 10^15 · 10^3 samples still fits 64 bits with room

struct Digits {
    std::uint64_t value = 0;
    std::uint64_t scale = 1;
};

std::optional<Digits> decimal(std::string_view text) {
    Digits out;
    std::size_t digits = 0;
    bool after_point = false;
    for (const char c : text) {
        if (c == '.' && !after_point && digits > 0) {
            after_point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++digits > k_max_digits) {
            return std::nullopt;
        }
        out.value = out.value * 10 + static_cast<std::uint64_t>(c - '0');
        out.scale *= after_point ? 10 : 1;
    }
    if (digits == 0 || text.back() == '.') {
        return std::nullopt;
    }
    return out;
}

} // namespace

Result<Fraction> Fraction::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto top = decimal(text.substr(0, slash));
    const auto bottom =
        slash == std::string_view::npos ? Digits{1, 1} : decimal(text.substr(slash + 1));
    const bool whole_bottom = bottom && bottom->scale == 1 && bottom->value != 0;
    if (!top || !whole_bottom || (slash != std::string_view::npos && top->scale != 1)) {
        return fail(
            Code::usage, "not a decimal fraction: '" + std::string(text) + "'", {}, "0.95 or 1/12"
        );
    }
    const std::uint64_t den = top->scale * bottom->value;
    const std::uint64_t common = std::gcd(top->value, den);
    return Fraction{top->value / common, den / common};
}

Fraction Fraction::of(double share) noexcept {
    constexpr std::uint64_t k_parts = 1'000'000'000;
    const auto num = static_cast<std::uint64_t>(std::llround(share * static_cast<double>(k_parts)));
    const std::uint64_t common = std::gcd(num, k_parts);
    return {num / common, k_parts / common};
}

std::optional<Fraction> percentile(std::string_view word) {
    if (!word.starts_with('p')) {
        return std::nullopt;
    }
    const auto percent = Fraction::parse(word.substr(1));
    if (!percent || percent->num == 0 || percent->num >= percent->den * 100) {
        return std::nullopt;
    }
    return Fraction{percent->num, percent->den * 100};
}

} // namespace oa_stream::measure
