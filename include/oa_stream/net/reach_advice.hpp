// What a person can do about a server that cannot be reached.
#pragma once

#include <string_view>

namespace oa_stream::net {

struct ClientResponse;

/// Where no authority that is known here vouches for the server's certificate.
inline constexpr std::string_view k_trust_advice =
    "; if its certificate is your own authority's, trust that with --ca FILE";
/// That, behind the words of a TLS failure; empty when they say something else.
[[nodiscard]] std::string_view trust_advice(std::string_view failure_text) noexcept;

/// Behind the failure's own words: "; check host and port" where nobody listens or the name is not
/// known, trust_advice() of a certificate. Empty for every other failure, and where nothing is
/// known beyond those words.
[[nodiscard]] std::string_view reach_advice(const ClientResponse& answer) noexcept;

} // namespace oa_stream::net
