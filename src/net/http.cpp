#include "oa_stream/net/http.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/secret_header.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace oa_stream::net {

namespace {

bool named(const std::pair<std::string, std::string>& field, std::string_view name) noexcept {
    return iequals(field.first, name);
}

bool is_ipv6(const std::string& host) noexcept {
    in6_addr address{};
    return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

} // namespace

void Headers::add(std::string name, std::string value) {
    list_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
    const auto first =
        std::ranges::find_if(list_, [&](const auto& field) { return named(field, name); });
    if (first == list_.end()) {
        add(std::move(name), std::move(value));
        return;
    }
    const auto rest = std::remove_if(first + 1, list_.end(), [&](const auto& field) {
        return named(field, name);
    });
    list_.erase(rest, list_.end());
    *first = {std::move(name), std::move(value)};
}

void Headers::set_all(const Headers& more) {
    for (const auto& [name, value] : more.list_) {
        set(name, value);
    }
}

void Headers::remove(std::string_view name) {
    std::erase_if(list_, [&](const auto& field) { return named(field, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
    const auto* found = find_if_or_null(list_, [&](const auto& one) { return named(one, name); });
    return found == nullptr ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::string Endpoint::text() const {
    if (!unix_path.empty()) {
        return "unix:" + unix_path;
    }
    const bool bracketed = host.find(':') != std::string::npos;
    return bracketed ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool Endpoint::loopback() const noexcept {
    return !unix_path.empty() || is_loopback(host);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    constexpr std::string_view unix_prefix = "unix:";
    if (text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) {
            return std::nullopt;
        }
        return Endpoint{.host = {}, .port = 0, .unix_path = std::string(path)};
    }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto port = parse_count(text.substr(colon + 1), 0, 65535);
    if (!port) {
        return std::nullopt;
    }
    auto host = std::string(text.substr(0, colon));
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (!is_ipv6(host)) {
            return std::nullopt;
        }
    } else if (!is_plain_word(host, ".-_")) { // the host is copied into logs and Host fields
        return std::nullopt;
    }
    return Endpoint{std::move(host), static_cast<std::uint16_t>(*port)};
}

bool is_secret_header(std::string_view name) {
    const std::string lower = to_lower(name);
    constexpr std::array<std::string_view, 6> k_ends{
        "authorization", "cookie", "token", "secret", "password", "key"
    };
    // These identify a request and a user's revision; they are no secrets.
    constexpr std::array<std::string_view, 2> k_open{"idempotency-key", "x-oa-route-key"};
    return std::ranges::find(k_open, lower) == k_open.end() &&
           std::ranges::any_of(k_ends, [&](std::string_view end) { return lower.ends_with(end); });
}

} // namespace oa_stream::net
