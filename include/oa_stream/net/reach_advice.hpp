// What a person can do about a server that cannot be reached.
#pragma once

#include <string_view>

namespace oa_stream::net {

struct ClientResponse;

/// No authority that is known here vouches for the server's certificate.
[[nodiscard]] bool is_untrusted(const ClientResponse& answer) noexcept;

/// Behind the failure's own words: "; check host and port" where nobody listens or the name is not
/// known, "; if it is your own authority's, trust that with --ca FILE" of a certificate. Empty for
/// every other failure, and where nothing is known beyond those words.
[[nodiscard]] std::string_view reach_advice(const ClientResponse& answer) noexcept;

} // namespace oa_stream::net
