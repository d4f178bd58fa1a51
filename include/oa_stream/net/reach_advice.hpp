// Advice for an operator whose server cannot be reached.
#pragma once

#include <string_view>

namespace oa_stream::net {

struct ClientResponse;
enum class TlsTrouble;

[[nodiscard]] TlsTrouble tls_trouble(const ClientResponse& answer) noexcept;

/// Text to append to a TLS failure's words when no known authority vouches for the server's
/// certificate; otherwise empty.
[[nodiscard]] std::string_view trust_advice(std::string_view failure_text) noexcept;

/// Text to append to a failure's own words: "; check host and port" when nothing listens there or
/// the name is unknown, trust_advice() for a certificate. Empty for every other failure.
[[nodiscard]] std::string_view reach_advice(const ClientResponse& answer) noexcept;

} // namespace oa_stream::net
