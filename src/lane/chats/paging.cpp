#include "paging.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most = 200;
std::optional<std::string> from_hex(std::string_view text) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string out;
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto high = k_digits.find(text[i]);
        const auto low = k_digits.find(text[i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) {
            return std::nullopt;
        }
        out += static_cast<char>(high << 4U | low);
    }
    return out;
}

/// A number that is too large to be read counts as the largest one.
std::optional<std::size_t> held_limit(std::string_view text) {
    const bool negative = text.starts_with('-');
    const auto digits = text.substr(negative ? 1 : 0);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t value = k_most;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return negative ? 1 : std::clamp<std::size_t>(value, 1, k_most);
}

} // namespace

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        auto pair = cut_until(query, '&');
        if (cut_until(pair, '=') == name) {
            std::string value(pair);
            std::ranges::replace(value, '+', ' '); // URLSearchParams in pages encodes spaces as '+'
            return percent_decode(value).value_or("%");
        }
    }
    return std::nullopt;
}

Rejection reject_cursor() {
    return invalid_field("cursor", "this cursor leads nowhere: begin without one");
}

Accepted<PageAsked> read_page(std::string_view query, std::string_view list) {
    PageAsked page;
    if (const auto text = query_parameter(query, "limit")) {
        const auto limit = held_limit(*text);
        if (!limit) {
            return invalid_field("limit", "limit must be a whole number");
        }
        page.limit = *limit;
    }
    if (const auto text = query_parameter(query, "cursor"); text && !text->empty()) {
        const auto plain = from_hex(*text);
        const auto colon = plain ? plain->find(':') : std::string::npos;
        if (!plain || colon == std::string::npos || plain->substr(0, colon) != list ||
            colon + 1 == plain->size()) {
            return reject_cursor();
        }
        page.after = plain->substr(colon + 1);
    }
    return page;
}

Accepted<bool> read_newest_first(std::string_view query) {
    const auto order = query_parameter(query, "order").value_or("asc");
    if (order != "asc" && order != "desc") {
        return invalid_field("order", "order must be asc or desc");
    }
    return order == "desc";
}

Accepted<bool> read_archived(std::string_view query) {
    const auto archived = query_parameter(query, "archived").value_or("false");
    if (archived != "true" && archived != "false") {
        return invalid_field("archived", "archived must be true or false");
    }
    return archived == "true";
}

std::string make_cursor(std::string_view list, std::string_view key) {
    std::string out;
    for (const char c : fmt::format("{}:{}", list, key)) {
        fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

Json page_json(Json data, std::string_view cursor) {
    return Json::object({{"data", std::move(data)}, {"nextCursor", or_null(cursor)}});
}

PageBounds bounds_of(std::size_t first, std::size_t count, std::size_t limit) noexcept {
    const auto begin = std::min(first, count);
    const auto end = begin + std::min(limit, count - begin);
    return {begin, end, end < count};
}

} // namespace oa_stream::lane
