#include "oa_stream/net/reach_advice.hpp"

#include "oa_stream/net/http_client.hpp"

namespace oa_stream::net {

std::string_view trust_advice(std::string_view failure_text) noexcept {
    const bool untrusted = failure_text.contains("self-signed certificate") || // OpenSSL's words
                           failure_text.contains("self signed certificate") ||
                           failure_text.contains("issuer certificate");
    return untrusted ? k_trust_advice : "";
}

std::string_view reach_advice(const ClientResponse& answer) noexcept {
    if (answer.failure == TransferFailure::refused || answer.failure == TransferFailure::dns) {
        return "; check host and port";
    }
    if (answer.failure != TransferFailure::tls) {
        return "";
    }
    const std::string_view words = answer.failure_text;
    const bool plain =
        words.contains("wrong version number") || words.contains("packet length too long");
    return plain ? "; no TLS is spoken there: try http://" : trust_advice(words);
}

} // namespace oa_stream::net
