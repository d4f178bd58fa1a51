#include "site.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace oa_stream::lane {

namespace {

/// "name:port", "[::1]:port" or either without a port, as in Host and Origin.
struct Site {
    std::string host; ///< lower case, without brackets and the final dot
    std::string_view port{};
};

Site site_of(std::string_view authority) {
    const auto end_of_host = authority.starts_with('[') ? authority.find(']') : 0;
    const auto colon = authority.find(':', std::min(end_of_host, authority.size()));
    auto host = authority.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    return {
        to_lower(host),
        colon == std::string_view::npos ? std::string_view() : authority.substr(colon + 1)
    };
}

/// The host of an absolute target ("http://host/…"), which takes precedence over Host (RFC 9112
/// §3.2.2).
std::optional<std::string_view> authority_of(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos || url.starts_with('/')) {
        return std::nullopt;
    }
    const auto rest = url.substr(scheme + 3);
    return rest.substr(0, rest.find_first_of("/?#"));
}

/// Every host name that this request used: for the lane itself and for the trusted proxies in front
/// of it.
std::vector<std::string_view> authorities(const LaneState& lane, const Call& call) {
    const auto& request = call.request();
    auto names = net::forwarded_hosts(lane.config.proxies, request.peer, request.headers);
    // HTTP/1.0 allows requests without it; browsers always send it
    if (const auto host = request.headers.get("host")) {
        names.push_back(*host);
    }
    if (const auto absolute = authority_of(request.target)) {
        names.push_back(*absolute);
    }
    return names;
}

bool is_own(const LaneConfig& config, std::string_view host) {
    const auto listed = [host](std::string_view allowed) {
        const bool subdomains = allowed.starts_with("*.");
        return allowed == "*" || allowed == host ||
               (subdomains && host.size() >= allowed.size() && host.ends_with(allowed.substr(1)));
    };
    return is_loopback(host) || std::ranges::any_of(config.own_hosts, listed) ||
           std::ranges::any_of(config.allow_hosts, listed);
}

bool is_health(const Call& call) {
    const auto* route = call.match.route;
    return route != nullptr &&
           (route->action == Action::healthz || route->action == Action::readyz);
}

bool same_site(std::string_view origin, std::string_view authority) {
    const auto from = authority_of(origin);
    if (!from) {
        return false; // "null" and other values that are not an origin
    }
    const auto usual = origin.starts_with("https:") ? "443" : "80";
    const auto one = site_of(*from);
    const auto other = site_of(authority);
    const auto port_of = [usual](const Site& site) {
        return site.port.empty() ? usual : site.port;
    };
    return one.host == other.host && port_of(one) == port_of(other);
}

/// Whether a page of another site sent the request, judged by what browsers send. Only the browser
/// can set Sec-Fetch-Site, and it is right even behind a proxy that changes Host. Without it (an
/// older browser, plain http) Origin is compared. Other programs send neither header.
bool from_elsewhere(const LaneState& lane, const Call& call) {
    const auto& headers = call.request().headers;
    const auto origin = headers.get("origin");
    const auto site = headers.get("sec-fetch-site");
    if (count_of(headers, "origin") > 1 || count_of(headers, "sec-fetch-site") > 1) {
        return true;
    }
    if (origin && is_listed(lane.config, *origin)) {
        return false;
    }
    if (site) {
        return *site != "same-origin" && *site != "none";
    }
    return origin && std::ranges::none_of(authorities(lane, call), [&](std::string_view authority) {
               return same_site(*origin, authority);
           });
}

} // namespace

bool is_listed(const LaneConfig& config, std::string_view origin) {
    return std::ranges::any_of(config.cors_origins, [origin](const std::string& one) {
        return one == "*" || one == origin;
    });
}

bool acts(std::string_view method) noexcept {
    return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

Accepted<void> allowed_host(const LaneState& lane, Call& call) {
    const bool checked = !lane.tokens || !lane.config.allow_hosts.empty();
    if (!checked || is_health(call)) {
        return {};
    }
    for (const auto authority : authorities(lane, call)) {
        if (const auto site = site_of(authority); !is_own(lane.config, site.host)) {
            return reject(
                421,
                "host_not_allowed",
                fmt::format(
                    "this lane does not answer for the host '{}': start it with --allow-host if it "
                    "should",
                    printable(site.host, 100)
                )
            );
        }
    }
    return {};
}

Accepted<void> allowed_origin(const LaneState& lane, Call& call) {
    if (!acts(call.request().method) || !from_elsewhere(lane, call)) {
        return {};
    }
    const auto origin = call.request().headers.get("origin").value_or("another site");
    return reject(
        403,
        "origin_not_allowed",
        fmt::format(
            "a page of '{}' may not use this lane: start it with --cors-origin if it should",
            printable(origin, 100)
        )
    );
}

std::size_t count_of(const net::Headers& headers, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::count_if(headers.all(), [name](const auto& field) {
        return iequals(field.first, name);
    }));
}

} // namespace oa_stream::lane
