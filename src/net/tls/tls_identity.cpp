#include "oa_stream/base/file.hpp"
#include "oa_stream/net/tls.hpp"

#include "tls_error.hpp"

#include <fmt/format.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace oa_stream::net {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_pem_limit = 1U << 20U;
constexpr std::string_view k_http11{"\x08http/1.1", 9};
/// For TLS 1.2; all ciphers of 1.3 are of this kind.
constexpr const char* k_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

template <auto Free> struct Freed {
    void operator()(auto* object) const noexcept { Free(object); }
};
using Bio = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;

Bio reader_of(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// A prompt on the terminal would hang a service; an empty passphrase is an error.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

/// RFC 7301: a client that does not offer our protocol gets an alert with that reason instead of a
/// closed connection.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered, unsigned size, void*) {
    const auto* const ours = reinterpret_cast<const unsigned char*>(k_http11.data());
    unsigned char* found = nullptr;
    const auto outcome =
        SSL_select_next_proto(&found, chosen_size, ours, k_http11.size(), offered, size);
    *chosen = found;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<std::shared_ptr<SSL_CTX>> new_context() {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), Freed<&SSL_CTX_free>{});
    if (!context) {
        return fail(Code::io, "cannot set up TLS: " + tls_error());
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), k_ciphers);
    // Most clients close without close_notify. HTTP frames what they send, so nothing can be
    // truncated unnoticed.
    SSL_CTX_set_options(
        context.get(),
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF
    );
    // Partial and moving: bytes that the socket did not accept wait in the outbox, not in OpenSSL.
    // Release: an idle connection needs no buffers.
    SSL_CTX_set_mode(
        context.get(),
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
            SSL_MODE_RELEASE_BUFFERS
    );
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    return context;
}

Result<void> take_chain(SSL_CTX* context, const std::string& pem, const fs::path& path) {
    const auto bio = reader_of(pem);
    const Certificate leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr));
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
        return fail(Code::config, "no usable certificate: " + tls_error(), path);
    }
    while (Certificate more{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}) {
        if (SSL_CTX_add0_chain_cert(context, more.get()) != 1) {
            return fail(Code::config, "no usable certificate chain: " + tls_error(), path);
        }
        (void)more.release(); // owned by the context now
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return fail(Code::config, "no usable certificate chain: " + tls_error(), path);
    }
    ERR_clear_error();
    return {};
}

Result<void> take_key(SSL_CTX* context, const std::string& pem, const fs::path& path) {
    const auto bio = reader_of(pem);
    const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key) {
        return fail(
            Code::config,
            "no usable private key: " + tls_error(),
            path,
            "an unencrypted PEM key is wanted"
        );
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return fail(Code::config, "the key does not belong to the certificate", path);
    }
    return {};
}

/// The group may read the key (Debian has the group ssl-cert for keys), other users may not.
Result<std::string> read_key_file(const fs::path& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 0037U) != 0) {
        return fail(
            Code::config,
            fmt::format("a private key that others may use (mode {:04o})", info.st_mode & 07777U),
            path,
            "chmod 600 it"
        );
    }
    return read_file(path, k_pem_limit);
}

std::string printed(const std::function<void(BIO*)>& print) {
    const Bio bio(BIO_new(BIO_s_mem()));
    print(bio.get());
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(std::max<long>(size, 0))};
}

} // namespace

std::string tls_error() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? "unknown error" : reason;
}

TlsIdentity::TlsIdentity(fs::path certificate, fs::path key)
    : certificate_(std::move(certificate)), key_(std::move(key)) {
}

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::load(fs::path certificate, fs::path key) {
    std::shared_ptr<TlsIdentity> identity(new TlsIdentity(std::move(certificate), std::move(key)));
    OA_CHECK(identity->reload());
    return identity;
}

Result<void> TlsIdentity::reload() {
    ERR_clear_error();
    OA_TRY(const auto chain, read_file(certificate_, k_pem_limit));
    OA_TRY(auto key, read_key_file(key_));
    OA_TRY(auto context, new_context());
    OA_CHECK(take_chain(context.get(), chain, certificate_));
    auto taken = take_key(context.get(), key, key_);
    OPENSSL_cleanse(key.data(), key.size());
    OA_CHECK(std::move(taken));
    context_ = std::move(context);
    return {};
}

std::string TlsIdentity::text() const {
    const auto* const leaf = SSL_CTX_get0_certificate(context_.get());
    return printed([leaf](BIO* to) {
        X509_NAME_print_ex(to, X509_get_subject_name(leaf), 0, XN_FLAG_ONELINE);
        BIO_puts(to, ", until ");
        ASN1_TIME_print(to, X509_get0_notAfter(leaf));
    });
}

std::string TlsIdentity::refusal() const {
    const auto* const leaf = SSL_CTX_get0_certificate(context_.get());
    const auto* const begins = X509_get0_notBefore(leaf);
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
        return "expired";
    }
    if (X509_cmp_current_time(begins) <= 0) {
        return {};
    }
    return "not valid before " + printed([begins](BIO* to) { ASN1_TIME_print(to, begins); });
}

} // namespace oa_stream::net
