#include "oa_stream/base/clock.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <span>

namespace oa_stream {

namespace {

struct Unit {
    std::string_view name;
    double millis;
};
constexpr std::array<Unit, 5> k_units{
    {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}
};
constexpr double k_longest_millis = 3650.0 * 86400e3; // ten years: anything more is a typing error

std::tm utc(WallTime time) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}

} // namespace

WallTime wall_time(double unix_s) {
    const std::chrono::duration<double> since(unix_s);
    return WallTime(std::chrono::duration_cast<WallTime::duration>(since));
}

std::string rfc3339_millis(WallTime time) {
    const auto millis =
        std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc(time), millis);
}

std::int64_t unix_now() noexcept {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

std::string compact_utc(WallTime time) {
    return fmt::format("{:%Y%m%dT%H%M%SZ}", utc(time));
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a duration", printable(text, 40)),
            {},
            "a number with a unit: 250ms, 10s, 5m, 2h, 30d"
        );
    };
    constexpr std::string_view k_digits = "0123456789.";
    double millis = 0;
    std::span<const Unit> units = k_units;
    std::string_view rest = text;
    do {
        const std::size_t digits = rest.find_first_not_of(k_digits);
        if (digits == std::string_view::npos) {
            return refuse();
        }
        const auto value = decimal_of(rest.substr(0, digits));
        rest.remove_prefix(digits);
        const std::string_view name = rest.substr(0, rest.find_first_of(k_digits));
        const auto unit = std::ranges::find(units, name, &Unit::name);
        if (!value || unit == units.end()) {
            return refuse();
        }
        millis += *value * unit->millis;
        units = std::span(units.begin(), unit); // of what follows
        rest.remove_prefix(name.size());
    } while (!rest.empty());
    if (millis > k_longest_millis) {
        return fail(Code::usage, fmt::format("'{}' is too long a time", printable(text, 40)));
    }
    return std::chrono::milliseconds(std::llround(millis));
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto total = duration.count();
    if (total < 0) {
        using Limits = std::chrono::milliseconds;
        return "-" + format_duration(duration == Limits::min() ? Limits::max() : -duration);
    }
    if (total < 1000) {
        return fmt::format("{}ms", total);
    }
    if (total < 60000) {
        return total % 1000 == 0 ? fmt::format("{}s", total / 1000)
                                 : fmt::format("{}s", static_cast<double>(total) / 1000.0);
    }
    const auto seconds = total / 1000;
    constexpr auto k_day_s = 24 * 3600;
    if (total % (k_day_s * 1000LL) == 0) {
        return fmt::format("{}d", seconds / k_day_s);
    }
    std::string text;
    if (seconds >= 3600) {
        text += fmt::format("{}h", seconds / 3600);
    }
    if (seconds / 60 % 60 != 0) {
        text += fmt::format("{}m", seconds / 60 % 60);
    }
    if (total % 60000 != 0) {
        text += format_duration(std::chrono::milliseconds(total % 60000));
    }
    return text;
}

} // namespace oa_stream
