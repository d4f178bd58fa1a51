#include "curl_failure.hpp"

#include "oa_stream/base/enum_words.hpp"

#include <array>
#include <cerrno>

namespace oa_stream::net {

namespace {

TransferFailure of_receive(const CurlEnding& ending) noexcept {
    // libcurl 7.88 reports a broken chunk line with the code for a broken connection.
    const bool bad_chunk = ending.text.find("chunked-encoding") != std::string_view::npos;
    const bool bad_head = ending.text.find("header") != std::string_view::npos;
    return bad_chunk || bad_head ? TransferFailure::malformed : TransferFailure::reset;
}

} // namespace

std::string_view to_string(TransferFailure failure) noexcept {
    static constexpr std::array<std::string_view, 13> k_words{
        "none",
        "dns",
        "refused",
        "tls",
        "connect_timeout",
        "first_byte_timeout",
        "idle_timeout",
        "total_timeout",
        "reset",
        "truncated",
        "malformed",
        "cancelled",
        "too_large"
    };
    return enum_word<TransferFailure::too_large>(k_words, failure);
}

Code code_of(TransferFailure failure) noexcept {
    using enum TransferFailure;
    switch (failure) {
    case connect_timeout:
    case first_byte_timeout:
    case idle_timeout:
    case total_timeout:
        return Code::timeout;
    case malformed:
        return Code::protocol;
    case cancelled:
        return Code::cancelled;
    case too_large:
        return Code::too_large;
    case none:
    case dns:
    case refused:
    case tls:
    case reset:
    case truncated:
        break;
    }
    return Code::network;
}

TransferFailure classify(const CurlEnding& ending) noexcept {
    switch (ending.code) {
    case CURLE_OK:
        return ending.head_seen ? TransferFailure::none : TransferFailure::truncated;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return TransferFailure::dns;
    case CURLE_COULDNT_CONNECT:
        return ending.os_error == ETIMEDOUT ? TransferFailure::connect_timeout
                                            : TransferFailure::refused;
    case CURLE_OPERATION_TIMEDOUT:
        return TransferFailure::connect_timeout; // the only libcurl timeout that we leave enabled
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return TransferFailure::tls;
    case CURLE_PARTIAL_FILE:
        return TransferFailure::truncated;
    case CURLE_RECV_ERROR:
        return of_receive(ending);
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        return TransferFailure::reset;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
        return TransferFailure::cancelled;
    default:
        return TransferFailure::malformed;
    }
}

std::string describe(const CurlEnding& ending) {
    // libcurl 7.88 reports a head line above 100 KB as lack of memory.
    if (ending.code == CURLE_OUT_OF_MEMORY && !ending.head_seen) {
        return std::string(k_head_too_long);
    }
    return ending.text.empty() ? curl_easy_strerror(ending.code) : std::string(ending.text);
}

} // namespace oa_stream::net
