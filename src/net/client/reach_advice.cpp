#include "oa_stream/net/reach_advice.hpp"

#include "oa_stream/net/http_client.hpp"

namespace oa_stream::net {

bool is_untrusted(const ClientResponse& answer) noexcept {
    const std::string_view words = answer.failure_text; // libcurl's and OpenSSL's
    return answer.failure == TransferFailure::tls &&
           (words.contains("self-signed certificate") ||
            words.contains("self signed certificate") || words.contains("issuer certificate"));
}

std::string_view reach_advice(const ClientResponse& answer) noexcept {
    if (answer.failure == TransferFailure::refused || answer.failure == TransferFailure::dns) {
        return "; check host and port";
    }
    if (is_untrusted(answer)) {
        return "; if its certificate is your own authority's, trust that with --ca FILE";
    }
    const std::string_view words = answer.failure_text;
    const bool plain =
        words.contains("wrong version number") || words.contains("packet length too long");
    return answer.failure == TransferFailure::tls && plain ? "; no TLS is spoken there: try http://"
                                                           : "";
}

} // namespace oa_stream::net
