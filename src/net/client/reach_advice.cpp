#include "oa_stream/net/reach_advice.hpp"

#include "oa_stream/net/http_client.hpp"

namespace oa_stream::net {
namespace {

/// `words`: OpenSSL's error text.
TlsTrouble trouble_in(std::string_view words) noexcept {
    if (words.contains("self-signed certificate") || words.contains("self signed certificate") ||
        words.contains("issuer certificate")) {
        return TlsTrouble::untrusted;
    }
    return words.contains("wrong version number") || words.contains("packet length too long")
               ? TlsTrouble::plain
               : TlsTrouble::other;
}

} // namespace

TlsTrouble tls_trouble(const ClientResponse& answer) noexcept {
    return answer.failure == TransferFailure::tls ? trouble_in(answer.failure_text)
                                                  : TlsTrouble::none;
}

std::string_view trust_advice(std::string_view failure_text) noexcept {
    return trouble_in(failure_text) == TlsTrouble::untrusted
               ? "; if its certificate is your own authority's, trust that with --ca FILE"
               : "";
}

std::string_view reach_advice(const ClientResponse& answer) noexcept {
    if (answer.failure == TransferFailure::refused || answer.failure == TransferFailure::dns) {
        return "; check host and port";
    }
    const TlsTrouble trouble = tls_trouble(answer);
    return trouble == TlsTrouble::plain       ? "; no TLS is spoken there: try http://"
           : trouble == TlsTrouble::untrusted ? trust_advice(answer.failure_text)
                                              : "";
}

} // namespace oa_stream::net
