#include "oa_stream/base/seconds.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace oa_stream {
namespace {

constexpr int k_max_decimals = 6;
constexpr int k_small_decimals = 3; ///< of a measured number: the rest is noise

/// "0", "-0.00"
bool reads_as_zero(std::string_view text) {
    return text.find_first_of("123456789") == std::string_view::npos;
}

/// With so many decimals the text is the value, but for what arithmetic on doubles adds.
bool is_exact(double value, int decimals) {
    const double scaled = value * std::pow(10.0, decimals);
    return std::abs(scaled - std::round(scaled)) < 1e-6;
}

/// `value` with as few decimals as keep it visibly apart from `limit`, and from nothing; the limit
/// itself as it is.
std::string decimals_apart(double value, double limit, int decimals) {
    std::string text = fmt::format("{:.{}f}", value, decimals);
    const auto unclear = [&] {
        if (value == limit) {
            return !is_exact(value, decimals);
        }
        return (value != 0 && decimals < k_small_decimals && reads_as_zero(text)) ||
               text == fmt::format("{:.{}f}", limit, decimals);
    };
    while (decimals < k_max_decimals && unclear()) {
        text = fmt::format("{:.{}f}", value, ++decimals);
    }
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        text.erase(text.find_last_not_of('.') + 1);
    }
    return text == "-0" ? "0" : text;
}

} // namespace

std::string percent_text(double share, double limit) {
    if (std::isinf(share)) {
        return share > 0 ? "unbounded" : "-unbounded";
    }
    return decimals_apart(share * 100, limit * 100, 1) + "%";
}

std::string seconds_text(double seconds, double limit) {
    if (std::isinf(seconds)) {
        return "never";
    }
    if (std::abs(seconds) < 1) {
        return decimals_apart(seconds * 1000, limit * 1000, 0) + "ms";
    }
    return decimals_apart(seconds, limit, 2) + "s";
}

} // namespace oa_stream
