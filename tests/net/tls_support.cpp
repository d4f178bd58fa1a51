#include "tls_support.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <stdexcept>

namespace oa_stream::net::testing {

namespace {

using Error_code = boost::system::error_code;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

Result<std::shared_ptr<TlsIdentity>> identity_of(const PemFiles& files) {
    return TlsIdentity::load(files.certificate(), files.key());
}

} // namespace

PemPair make_pem_pair(std::string_view name, std::string_view passphrase) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(
        subject,
        "CN",
        MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(name.data()),
        static_cast<int>(name.size()),
        -1,
        0
    );
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    BIO* const chain = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, certificate);
    BIO* const secret = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(
        secret,
        key,
        passphrase.empty() ? nullptr : EVP_aes_256_cbc(),
        reinterpret_cast<const unsigned char*>(passphrase.data()),
        static_cast<int>(passphrase.size()),
        nullptr,
        nullptr
    );
    X509_free(certificate);
    EVP_PKEY_free(key);
    return {text_of(chain), text_of(secret)};
}

void PemFiles::write(const PemPair& pair) const {
    std::ofstream(certificate()) << pair.certificate;
    std::ofstream(key()) << pair.key;
    ::chmod(key().c_str(), 0600);
}

TlsPeer::TlsPeer(Loop& loop, const Endpoint& endpoint, const TlsClientOptions& options)
    : Received(loop), context_(asio::ssl::context::tls_client), stream_(loop.context, context_) {
    SSL* const ssl = stream_.native_handle();
    SSL_set_alpn_protos(
        ssl,
        reinterpret_cast<const unsigned char*>(options.alpn.data()),
        static_cast<unsigned>(options.alpn.size())
    );
    if (options.newest != 0) {
        SSL_set_security_level(ssl, 0);
        SSL_set_max_proto_version(ssl, options.newest);
    }
    auto& socket = stream_.next_layer();
    socket.open(asio::ip::tcp::v4());
    if (options.receive_buffer != 0) {
        socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer));
    }
    socket.connect({asio::ip::make_address("127.0.0.1"), endpoint.port});
    std::optional<Error_code> outcome;
    stream_.async_handshake(asio::ssl::stream_base::client, [&](const Error_code& error) {
        outcome = error;
    });
    loop_.until([&] { return outcome.has_value(); }, "a handshake");
    shaken_ = !*outcome;
    if (shaken_) {
        read();
    } else {
        ended_ = true;
        end_ = *outcome;
    }
}

TlsPeer::~TlsPeer() {
    *alive_ = false;
    Error_code ignored;
    stream_.next_layer().close(ignored);
    loop_.settle(); // operations of the stream refer to it
}

std::string TlsPeer::protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(const_cast<TlsPeer*>(this)->stream_.native_handle(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string TlsPeer::subject() const {
    X509* const certificate =
        SSL_get1_peer_certificate(const_cast<TlsPeer*>(this)->stream_.native_handle());
    std::string name(200, '\0');
    const int size = X509_NAME_get_text_by_NID(
        X509_get_subject_name(certificate), NID_commonName, name.data(), 200
    );
    X509_free(certificate);
    name.resize(static_cast<std::size_t>(std::max(size, 0)));
    return name;
}

void TlsPeer::read() {
    if (!reading_ || read_armed_ || ended_) {
        return;
    }
    read_armed_ = true;
    piece_.resize(64U << 10U);
    stream_.async_read_some(
        asio::buffer(piece_),
        [this, alive = alive_](const Error_code& error, std::size_t size) {
            if (!*alive) {
                return;
            }
            read_armed_ = false;
            received_.append(piece_, 0, size);
            if (error) {
                ended_ = true;
                end_ = error;
                return;
            }
            read();
        }
    );
}

void TlsPeer::resume_reading() {
    reading_ = true;
    read();
}

void TlsPeer::send(std::string_view bytes) {
    const auto kept = std::make_shared<std::string>(bytes);
    bool sent = false;
    asio::async_write(stream_, asio::buffer(*kept), [&, kept](const Error_code&, std::size_t) {
        sent = true;
    });
    loop_.until([&] { return sent; }, "the server to take the bytes");
}

bool TlsPeer::wait_end() {
    loop_.until([&] { return ended_; }, "the connection's end");
    return end_ == asio::error::eof;
}

void TlsPeer::close() {
    stream_.next_layer().close();
}

void TlsPeer::say_goodbye() {
    stream_.async_shutdown([](const Error_code&) {});
}

TlsTestServer::TlsTestServer(Loop& loop, ServerLimits limits)
    : identity(*identity_of(files)), server(loop, limits, {"127.0.0.1", 0}, {.tls = identity}) {
}

} // namespace oa_stream::net::testing
