#include "oa_stream/net/tls_advice.hpp"

#include "oa_stream/net/http_client.hpp"

namespace oa_stream::net {

std::string_view tls_advice(const ClientResponse& answer) noexcept {
    if (answer.failure != TransferFailure::tls) {
        return {};
    }
    const std::string_view words = answer.failure_text; // libcurl's and OpenSSL's
    if (words.contains("self-signed certificate") || words.contains("self signed certificate") ||
        words.contains("issuer certificate")) {
        return "; if its certificate is your own authority's, trust that with --ca FILE";
    }
    if (words.contains("wrong version number") || words.contains("packet length too long")) {
        return "; no TLS is spoken there: try http://";
    }
    return {};
}

} // namespace oa_stream::net
