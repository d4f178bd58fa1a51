#include "oa_stream/net/retry_after.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace oa_stream::net {
namespace {

constexpr std::array<std::string_view, 12> k_months{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};
constexpr std::uint64_t k_longest_s = 86400;

} // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
    // 0         1         2
    // 01234567890123456789012345678
    // Fri, 20 Nov 2026 14:22:34 GMT
    constexpr std::size_t k_length = 29;
    if (text.size() != k_length || !text.ends_with(" GMT") || text[19] != ':' || text[22] != ':') {
        return std::nullopt;
    }
    const auto* month = std::ranges::find(k_months, text.substr(8, 3));
    constexpr auto number = number_of<unsigned>; // accepts no sign
    const auto day = number(text.substr(5, 2));
    const auto year = number(text.substr(12, 4));
    const auto hours = number(text.substr(17, 2));
    const auto minutes = number(text.substr(20, 2));
    const auto seconds = number(text.substr(23, 2));
    if (month == k_months.end() || !day || !year || !hours || !minutes || !seconds) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(*year)),
        std::chrono::month(static_cast<unsigned>(month - k_months.begin()) + 1),
        std::chrono::day(*day)
    };
    if (!date.ok() || *hours > 23 || *minutes > 59 || *seconds > 60) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date) + std::chrono::hours(*hours) +
           std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

std::optional<Millis> retry_after(const Headers& headers, WallTime now) {
    const auto field = headers.get("retry-after");
    if (!field) {
        return std::nullopt;
    }
    const std::string_view text = trim(*field);
    if (const auto seconds = parse_count(text, 0, k_longest_s)) {
        return std::chrono::seconds(*seconds);
    }
    const auto until = parse_http_date(text);
    if (!until) {
        return std::nullopt;
    }
    const auto there = parse_http_date(trim(headers.get("date").value_or("")));
    const auto wait = std::chrono::duration_cast<Millis>(*until - there.value_or(now));
    return std::clamp(wait, Millis(0), Millis(std::chrono::seconds(k_longest_s)));
}

bool may_pass(const ClientResponse& response) noexcept {
    using enum TransferFailure;
    switch (response.failure) {
    case none:
        break;
    case dns:
    case refused:
    case connect_timeout:
    case first_byte_timeout:
    case idle_timeout:
    case total_timeout:
    case reset:
    case truncated:
        return true;
    case tls:
    case malformed:
    case cancelled:
    case too_large:
        return false;
    }
    constexpr std::array k_for_now{408, 429};
    constexpr std::array k_for_good{501, 505}; // not implemented; unsupported HTTP version
    constexpr int k_server = 500;
    return contains(k_for_now, response.status) ||
           (response.status >= k_server && !contains(k_for_good, response.status));
}

} // namespace oa_stream::net
