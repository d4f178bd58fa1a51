#include "oa_stream/base/text.hpp"
#include "oa_stream/lane/auth.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace oa_stream::lane {

namespace {

    /// Exactly `width` digits at `at`; -1 otherwise.
int digits(std::string_view text, std::size_t at, std::size_t width) noexcept {
    if (text.size() < at + width) {
        return -1;
    }
    int value = 0;
    for (const char c : text.substr(at, width)) {
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

std::optional<std::chrono::minutes> zone_offset(std::string_view zone) noexcept {
    if (zone == "Z" || zone == "z") {
        return std::chrono::minutes(0);
    }
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') {
        return std::nullopt;
    }
    const int hours = digits(zone, 1, 2);
    const int minutes = digits(zone, 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return std::nullopt;
    }
    const std::chrono::minutes offset(hours * 60 + minutes);
    return zone[0] == '-' ? -offset : offset;
}

std::optional<WallTime> read_rfc3339(std::string_view text) noexcept {
    using namespace std::chrono;
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[13] != ':' ||
        text[16] != ':' || (text[10] != 'T' && text[10] != 't')) {
        return std::nullopt;
    }
    const year_month_day date(
        year(digits(text, 0, 4)),
        month(static_cast<unsigned>(digits(text, 5, 2))),
        day(static_cast<unsigned>(digits(text, 8, 2)))
    );
    const int h = digits(text, 11, 2);
    const int m = digits(text, 14, 2);
    const int s = digits(text, 17, 2);
    if (!date.ok() || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) {
        return std::nullopt;
    }
    auto rest = text.substr(19);
    if (rest.starts_with('.')) {
        const auto end = rest.find_first_not_of("0123456789", 1);
        if (end == std::string_view::npos || end == 1) {
            return std::nullopt;
        }
        rest.remove_prefix(end);
    }
    const auto offset = zone_offset(rest);
    if (!offset) {
        return std::nullopt;
    }
    return sys_days(date) + hours(h) + minutes(m) + seconds(s) - *offset;
}

} // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
    const auto time = read_rfc3339(text);
    if (!time) {
        return fail(
            Code::config,
            fmt::format("'{}' is no RFC 3339 time", printable(text, 40)),
            {},
            "for example 2026-12-31T23:59:59Z"
        );
    }
    return *time;
}

} // namespace oa_stream::lane
