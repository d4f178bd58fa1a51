// What a person can do about a server that cannot be reached.
#pragma once

#include <string_view>

namespace oa_stream::net {

struct ClientResponse;
enum class TlsTrouble;

[[nodiscard]] TlsTrouble tls_trouble(const ClientResponse& answer) noexcept;

/// Behind the words of a TLS failure, where no authority that is known here vouches for the
/// server's certificate; else empty.
[[nodiscard]] std::string_view trust_advice(std::string_view failure_text) noexcept;

/// Behind the failure's own words: "; check host and port" where nobody listens or the name is not
/// known, trust_advice() of a certificate. Empty for every other failure, and where nothing is
/// known beyond those words.
[[nodiscard]] std::string_view reach_advice(const ClientResponse& answer) noexcept;

} // namespace oa_stream::net
