// Identifies the client when proxies stand in between.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/net/http.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::net {

/// The proxies whose forwarded headers are trusted.
class TrustedProxies {
public:
    /// "10.0.0.0/8", "2001:db8::/32", a single address, or "unix" for the peers of unix sockets.
    /// Code::usage.
    [[nodiscard]] Result<void> add(std::string_view text);
    /// `peer`: an address, with or without a port, or "unix".
    [[nodiscard]] bool trusts(std::string_view peer) const;

private:
    struct Network {
        std::array<std::uint8_t, 16> address{}; ///< IPv4 as mapped IPv6
        int bits = 128;
    };
    std::vector<Network> networks_{};
    bool unix_ = false;
};

struct Client {
    std::string address; ///< without a port; "unix" for a local peer without forwarded fields
    bool secure = false; ///< connected over TLS, to us or to the trusted proxy in front
};

/// Walks back along the trusted proxies: the client is the first address that is not one of them,
/// or the last readable address. `Forwarded` (RFC 7239) and `X-Forwarded-For` only count from a
/// trusted peer. When both are present they must agree: a proxy sets one of them and passes on the
/// other as the client wrote it.
[[nodiscard]] Client client_of(
    const TrustedProxies& proxies, std::string_view peer, const Headers& headers, bool secure
);

/// All hosts that a trusted proxy in front reports as requested: `X-Forwarded-Host`, and `host=` in
/// `Forwarded`, as sent ("lane.example:8443"). Empty for other peers. The views are into `headers`.
[[nodiscard]] std::vector<std::string_view>
forwarded_hosts(const TrustedProxies& proxies, std::string_view peer, const Headers& headers);

} // namespace oa_stream::net
