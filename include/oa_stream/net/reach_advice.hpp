// What a person can do about a server whose TLS failed.
#pragma once

#include <string_view>

namespace oa_stream::net {

struct ClientResponse;

/// No authority that is known here vouches for the server's certificate.
[[nodiscard]] bool is_untrusted(const ClientResponse& answer) noexcept;

/// Behind the failure's own words: "; if it is your own authority's, trust that with --ca FILE".
/// Empty for every other failure, and where nothing is known beyond those words.
[[nodiscard]] std::string_view reach_advice(const ClientResponse& answer) noexcept;

} // namespace oa_stream::net
