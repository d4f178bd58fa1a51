#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace oa_stream {

namespace {

enum class Form { rfc3339, logged };

constexpr std::size_t k_date_time = 19; // 2026-02-22T04:36:00
// Nanoseconds since 1970 end in 2262, and times are subtracted and added to.
constexpr std::chrono::sys_seconds k_first{};
constexpr std::chrono::sys_seconds k_last = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);

/// The number of exactly `count` digits at `from`.
std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
    int out = 0;
    if (text.size() < from + count) {
        return std::nullopt;
    }
    for (const char c : text.substr(from, count)) {
        if (!is_digit(c)) {
            return std::nullopt;
        }
        out = out * 10 + (c - '0');
    }
    return out;
}

/// ".123456" to milliseconds, `at` behind it; zero where there is no fraction.
std::optional<std::chrono::milliseconds>
fraction(std::string_view text, std::size_t& at, Form form) {
    const bool comma = form == Form::logged && text.substr(at).starts_with(',');
    if (!comma && !text.substr(at).starts_with('.')) {
        return std::chrono::milliseconds(0);
    }
    const std::size_t first = ++at;
    int millis = 0;
    for (int scale = 100; at < text.size() && is_digit(text[at]); ++at, scale /= 10) {
        millis += (text[at] - '0') * scale;
    }
    if (at == first) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(millis);
}

/// "Z", "+01:00", and of loggers "-0500"; `at` behind it.
std::optional<std::chrono::minutes> offset(std::string_view text, std::size_t& at, Form form) {
    const char sign = at < text.size() ? text[at] : ' ';
    if (sign == 'Z' || sign == 'z') {
        ++at;
        return std::chrono::minutes(0);
    }
    const bool colon = text.substr(std::min(at + 3, text.size())).starts_with(':');
    if ((sign != '+' && sign != '-') || (!colon && form == Form::rfc3339)) {
        return std::nullopt;
    }
    const auto hours = digits(text, at + 1, 2);
    const auto minutes = digits(text, at + (colon ? 4 : 3), 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) {
        return std::nullopt;
    }
    at += colon ? 6 : 5;
    const std::chrono::minutes east(*hours * 60 + *minutes);
    return sign == '-' ? -east : east;
}

std::optional<TimeAtStart> read(std::string_view text, Form form) {
    if (text.size() <= k_date_time || text[4] != '-' || text[7] != '-' || text[13] != ':' ||
        text[16] != ':') {
        return std::nullopt;
    }
    const char between = text[10];
    if (between != 'T' && between != 't' && (between != ' ' || form == Form::rfc3339)) {
        return std::nullopt;
    }
    constexpr std::array<std::pair<std::size_t, std::size_t>, 6> k_places{
        {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}}
    };
    std::array<int, k_places.size()> part{};
    for (std::size_t i = 0; i < k_places.size(); ++i) {
        const auto number = digits(text, k_places[i].first, k_places[i].second);
        if (!number) {
            return std::nullopt;
        }
        part[i] = *number;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(part[0]),
        std::chrono::month(static_cast<unsigned>(part[1])),
        std::chrono::day(static_cast<unsigned>(part[2]))
    };
    if (!date.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) { // 60: a leap second
        return std::nullopt;
    }
    std::size_t at = k_date_time;
    const auto millis = fraction(text, at, form);
    const auto east = millis ? offset(text, at, form) : std::nullopt;
    if (!east) {
        return std::nullopt;
    }
    const std::chrono::sys_time<std::chrono::milliseconds> time =
        std::chrono::sys_days(date) + std::chrono::hours(part[3]) + std::chrono::minutes(part[4]) +
        std::chrono::seconds(part[5]) + *millis - *east;
    const auto held = std::clamp<decltype(time)>(time, k_first, k_last);
    return TimeAtStart{std::chrono::time_point_cast<WallTime::duration>(held), at};
}

} // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
    const auto found = read(text, Form::rfc3339);
    return found && found->length == text.size() ? std::optional(found->time) : std::nullopt;
}

std::optional<TimeAtStart> time_at_start(std::string_view text) {
    return read(text, Form::logged);
}

} // namespace oa_stream
