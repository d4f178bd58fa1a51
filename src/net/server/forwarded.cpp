#include "oa_stream/net/forwarded.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace oa_stream::net {

namespace {

using Bytes = std::array<std::uint8_t, 16>;
/// No real network has longer chains.
constexpr std::size_t k_most_hops = 32;

struct Address {
    Bytes bytes{};
    bool v4 = false;
};

std::optional<Address> parse_address(std::string_view text) {
    const std::string zero_ended(text);
    Address address;
    in_addr v4{};
    if (::inet_pton(AF_INET, zero_ended.c_str(), &v4) == 1) {
        address.v4 = true;
        address.bytes[10] = address.bytes[11] = 0xff;
        std::memcpy(address.bytes.data() + 12, &v4, sizeof v4);
        return address;
    }
    in6_addr v6{};
    if (::inet_pton(AF_INET6, zero_ended.c_str(), &v6) != 1) {
        return std::nullopt;
    }
    std::memcpy(address.bytes.data(), &v6, sizeof v6);
    address.v4 = IN6_IS_ADDR_V4MAPPED(&v6);
    return address;
}

std::string address_text(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.v4) {
        ::inet_ntop(AF_INET, address.bytes.data() + 12, text.data(), text.size());
    } else {
        ::inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
    }
    return text.data();
}

/// "1.2.3.4:80", "[::1]:80", "[::1]" and bare addresses, without their port.
std::optional<Address> parse_node(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        return end == std::string_view::npos ? std::nullopt
                                             : parse_address(text.substr(1, end - 1));
    }
    if (std::ranges::count(text, ':') == 1) {
        text = text.substr(0, text.find(':'));
    }
    return parse_address(text);
}

bool within(const Bytes& address, const Bytes& network, int bits) {
    const auto whole = static_cast<std::size_t>(bits / 8);
    if (!std::equal(network.begin(), network.begin() + whole, address.begin())) {
        return false;
    }
    const int rest = bits % 8;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(rest));
    return rest == 0 || (address.at(whole) & mask) == (network.at(whole) & mask);
}

/// Calls `fn` with each trimmed piece; a separator inside a quoted string does not count.
template <class Fn> void split(std::string_view text, char separator, Fn fn) {
    bool quoted = false;
    std::size_t from = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') {
            quoted = !quoted;
        } else if (text[at] == separator && !quoted) {
            fn(trim(text.substr(from, at - from)));
            from = at + 1;
        }
    }
    fn(trim(text.substr(from)));
}

std::string_view unquoted(std::string_view text) {
    const bool quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
    return quoted ? text.substr(1, text.size() - 2) : text;
}

/// What one proxy reports: who connected to it, and how.
struct Hop {
    std::string_view node{};
    std::string_view proto{};
    std::string_view host{};
};
using Hops = std::vector<Hop>;

Hop forwarded_hop(std::string_view element) {
    Hop hop;
    split(element, ';', [&](std::string_view pair) {
        const auto name = trim(cut_until(pair, '='));
        const auto value = unquoted(trim(pair));
        if (iequals(name, "for")) {
            hop.node = value;
        } else if (iequals(name, "proto")) {
            hop.proto = value;
        } else if (iequals(name, "host")) {
            hop.host = value;
        }
    });
    return hop;
}

/// All fields of that name, in order; nullopt when there are none.
template <class Fn>
std::optional<Hops> hops_of(const Headers& headers, std::string_view name, Fn make) {
    std::optional<Hops> hops;
    for (const auto& [field, value] : headers.all()) {
        if (iequals(field, name)) {
            hops = hops ? std::move(hops) : Hops{};
            split(value, ',', [&](std::string_view piece) { hops->push_back(make(piece)); });
        }
    }
    return hops;
}

/// Walks the chain back from `start`.
Client walk(const TrustedProxies& proxies, Client start, const Hops& hops) {
    Client client = std::move(start);
    const auto most = std::min(hops.size(), k_most_hops);
    for (std::size_t back = 1; back <= most && proxies.trusts(client.address); ++back) {
        const auto& hop = hops[hops.size() - back];
        const auto address = parse_node(hop.node);
        if (!address) {
            break; // "unknown", "_hidden" or invalid
        }
        client.address = address_text(*address);
        if (!hop.proto.empty()) {
            client.secure = iequals(hop.proto, "https");
        }
    }
    return client;
}

} // namespace

Result<void> TrustedProxies::add(std::string_view text) {
    if (text == "unix") {
        unix_ = true;
        return {};
    }
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    const int most = address && address->v4 ? 32 : 128;
    Result<std::uint64_t> bits = static_cast<std::uint64_t>(most);
    if (slash != std::string_view::npos) {
        bits = parse_count(text.substr(slash + 1), 0, static_cast<std::uint64_t>(most));
    }
    if (!address || !bits) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not an address or network", printable(text, 60)),
            {},
            "such as 10.0.0.0/8, 2001:db8::/32 or unix"
        );
    }
    networks_.push_back({address->bytes, static_cast<int>(*bits) + (address->v4 ? 96 : 0)});
    return {};
}

bool TrustedProxies::trusts(std::string_view peer) const {
    if (peer == "unix") {
        return unix_;
    }
    const auto address = parse_node(peer);
    return address && std::ranges::any_of(networks_, [&](const Network& network) {
               return within(address->bytes, network.address, network.bits);
           });
}

Client client_of(
    const TrustedProxies& proxies, std::string_view peer, const Headers& headers, bool secure
) {
    const auto own = parse_node(peer);
    Client client{own ? address_text(*own) : std::string(peer), secure};
    if (!proxies.trusts(peer)) {
        return client;
    }
    const auto standard = hops_of(headers, "forwarded", forwarded_hop);
    const auto common = hops_of(headers, "x-forwarded-for", [](std::string_view piece) {
        return Hop{.node = piece};
    });
    if (const auto proto = headers.get("x-forwarded-proto"); proto && !standard) {
        client.secure = iequals(trim(*proto), "https");
    }
    if (!standard || !common) {
        return walk(proxies, client, standard ? *standard : common.value_or(Hops{}));
    }
    auto one = walk(proxies, client, *standard);
    const auto other = walk(proxies, client, *common);
    return one.address == other.address ? one : client;
}

std::vector<std::string_view>
forwarded_hosts(const TrustedProxies& proxies, std::string_view peer, const Headers& headers) {
    std::vector<std::string_view> hosts;
    if (!proxies.trusts(peer)) {
        return hosts;
    }
    const auto standard = hops_of(headers, "forwarded", forwarded_hop);
    const auto common = hops_of(headers, "x-forwarded-host", [](std::string_view piece) {
        return Hop{.host = piece};
    });
    for (const auto* hops : {&standard, &common}) {
        for (const auto& hop : hops->value_or(Hops{})) {
            if (!hop.host.empty()) {
                hosts.push_back(hop.host);
            }
        }
    }
    return hosts;
}

} // namespace oa_stream::net
