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

/// `value` with as few decimals as keep it visibly apart from `limit`, and from nothing.
std::string decimals_apart(double value, double limit, int decimals) {
    std::string text = fmt::format("{:.{}f}", value, decimals);
    const int small = value == limit ? k_max_decimals : k_small_decimals;
    const auto unclear = [&] {
        return (value != 0 && decimals < small && reads_as_zero(text)) ||
               (value != limit && text == fmt::format("{:.{}f}", limit, decimals));
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
