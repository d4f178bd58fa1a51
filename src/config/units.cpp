#include "oa_stream/config/units.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace oa_stream::config {
namespace {

std::string quoted(std::string_view text) {
    return "'" + printable(text, 40) + "'";
}

std::optional<double> plain_number(std::string_view text) {
    constexpr std::size_t k_longest = 15;
    return text.size() > k_longest ? std::nullopt : decimal_of(text);
}

std::unexpected<Error>
wrong(std::string_view text, std::string_view expected, std::string hint = {}) {
    if (plain_number(text)) {
        return fail(
            Code::usage,
            fmt::format("{} has no unit, expected {}", quoted(text), expected),
            {},
            std::move(hint)
        );
    }
    return fail(Code::usage, fmt::format("{} is not {}", quoted(text), expected));
}

/// `text` in hundredths, as a decimal: "99.9" → 0.999. 99.9 / 100 is another double.
std::optional<double> hundredths(std::string_view text) {
    return plain_number(text) ? number_of<double>(std::string(text) + "e-2") : std::nullopt;
}

/// "5%" → 0.05
std::optional<double> percent_number(std::string_view text) {
    return text.ends_with('%') ? hundredths(text.substr(0, text.size() - 1)) : std::nullopt;
}

std::string trimmed(double value) {
    std::string out = fmt::format("{:.9f}", value);
    out.erase(out.find_last_not_of('0') + 1);
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

/// 0.95 may be meant as 95 %.
std::string percent_hint(std::string_view text) {
    const auto value = plain_number(text);
    if (value && *value > 0 && *value < 1) {
        return fmt::format("write {}% or {}%", trimmed(*value * 100), printable(text, 20));
    }
    return fmt::format("write {}%", printable(text, 20));
}

} // namespace

Result<Millis> read_duration(std::string_view text) {
    const auto value = parse_duration(text);
    if (!value) {
        return wrong(
            text,
            "a duration like 10m",
            fmt::format("write {0}ms, {0}s, {0}m, {0}h or {0}d", printable(text, 20))
        );
    }
    return *value;
}

Result<double> read_percent(std::string_view text) {
    const auto value = percent_number(text);
    if (!value) {
        return wrong(text, "a percentage like 5%", percent_hint(text));
    }
    if (*value > 1) {
        return fail(Code::usage, quoted(text) + " is more than 100%");
    }
    return *value;
}

Result<double> read_share(std::string_view text) {
    const auto bare = plain_number(text);
    return bare && *bare < 1 ? Result<double>(*bare) : read_percent(text);
}

Result<int> read_whole_percent(std::string_view text) {
    const auto value = percent_number(text);
    if (!value) {
        return wrong(
            text, "a whole percentage like 25%", fmt::format("write {}%", printable(text, 20))
        );
    }
    if (*value > 1) {
        return fail(Code::usage, quoted(text) + " is more than 100%");
    }
    const auto whole = parse_count(text.substr(0, text.size() - 1), 0, 100);
    if (!whole) {
        return fail(Code::usage, quoted(text) + " is not a whole percentage");
    }
    return static_cast<int>(*whole);
}

Result<double> read_rate(std::string_view text) {
    struct Unit {
        std::string_view suffix;
        double seconds;
    };
    constexpr std::array k_units{Unit{"/s", 1}, Unit{"/m", 60}, Unit{"/h", 3600}};
    for (const Unit& unit : k_units) {
        if (text.ends_with(unit.suffix)) {
            if (const auto value = plain_number(text.substr(0, text.size() - unit.suffix.size()))) {
                return *value / unit.seconds;
            }
        }
    }
    return wrong(
        text, "a rate like 2/s", fmt::format("write {0}/s, {0}/m or {0}/h", printable(text, 20))
    );
}

Result<double> read_rate_within(std::string_view text, double low, double high) {
    const auto bare = plain_number(text);
    OA_TRY(const double rate, bare ? Result<double>(*bare) : read_rate(text));
    if (rate < low || rate > high) {
        return fail(
            Code::usage,
            fmt::format(
                "{} is not a rate from {} to {}", quoted(text), rate_text(low), rate_text(high)
            )
        );
    }
    return rate;
}

Result<std::uint64_t> read_size(std::string_view text) {
    struct Unit {
        std::string_view name;
        double bytes;
    };
    constexpr double k_kibi = 1024;
    constexpr std::array k_units{
        Unit{"", 1},
        Unit{"B", 1},
        Unit{"k", k_kibi},
        Unit{"KiB", k_kibi},
        Unit{"m", k_kibi * k_kibi},
        Unit{"MiB", k_kibi * k_kibi},
        Unit{"g", k_kibi * k_kibi * k_kibi},
        Unit{"GiB", k_kibi * k_kibi * k_kibi},
        Unit{"kB", 1e3},
        Unit{"MB", 1e6},
        Unit{"GB", 1e9},
        Unit{"TB", 1e12},
    };
    constexpr double k_most = 1e15;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = plain_number(text.substr(0, digits));
    const Unit* unit = find_if_or_null(k_units, [&](const Unit& one) {
        return iequals(one.name, text.substr(digits));
    });
    const bool whole = number && *number == std::floor(*number);
    if (!number || unit == nullptr || (unit->bytes == 1 && !whole) ||
        *number * unit->bytes > k_most) {
        return fail(
            Code::usage,
            fmt::format("{} is not a size", quoted(text)),
            {},
            "64m or 2g, powers of 1024; 500MB or 2GB, powers of 1000"
        );
    }
    return static_cast<std::uint64_t>(std::llround(*number * unit->bytes));
}

Result<bool> read_boolean(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    constexpr std::array<std::string_view, 4> k_yes{"yes", "on", "y", "true"};
    constexpr std::array<std::string_view, 4> k_no{"no", "off", "n", "false"};
    const std::string lower = to_lower(text);
    const bool yes = contains(k_yes, lower);
    const bool no = contains(k_no, lower);
    return fail(
        Code::usage,
        quoted(text) + " is not true or false",
        {},
        yes  ? "write true"
        : no ? "write false"
             : ""
    );
}

namespace {

/// A limit that a share of requests, or a difference of two, can break.
Result<Limit> breakable(std::string_view text, Limit limit) {
    if (limit.value < 1) {
        return limit;
    }
    return fail(
        Code::usage,
        fmt::format("{} can never be exceeded: no share is outside 0% to 100%", quoted(text)),
        {},
        limit.unit == LimitUnit::share ? "a share below 100%" : "below +100pp"
    );
}

} // namespace

Result<Limit> read_limit(std::string_view text) {
    constexpr std::string_view k_forms = "a limit like 1%, 2.5s, +20% or +1pp";
    if (text.starts_with('+')) {
        const std::string_view rest = text.substr(1);
        if (const auto value = percent_number(rest)) {
            return Limit{*value, LimitUnit::relative};
        }
        if (rest.ends_with("pp")) {
            if (const auto value = hundredths(rest.substr(0, rest.size() - 2))) {
                return breakable(text, {*value, LimitUnit::points});
            }
        }
        return fail(Code::usage, fmt::format("{} is not {}", quoted(text), k_forms));
    }
    if (const auto value = percent_number(text)) {
        return breakable(text, {*value, LimitUnit::share});
    }
    if (const auto value = read_duration(text)) {
        return Limit{seconds(*value), LimitUnit::seconds};
    }
    return wrong(
        text, k_forms, fmt::format("{} of requests, {}s", percent_hint(text), printable(text, 20))
    );
}

std::string exact_percent(double share) {
    return trimmed(share * 100) + "%";
}

std::string rate_text(double per_second) {
    return trimmed(per_second) + "/s";
}

} // namespace oa_stream::config
