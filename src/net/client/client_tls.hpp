// What the TLS connections of this room's own clients require of their peers.
#pragma once

#include "oa_stream/base/error.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp> // its code is compiled in websocket.cpp

#include <string>

namespace oa_stream::net {

using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

/// TLS 1.2 or newer. `ca_file`: PEM; empty: the system's. Code::unreadable.
[[nodiscard]] inline Result<boost::asio::ssl::context> client_tls(const std::string& ca_file) {
    boost::asio::ssl::context tls(boost::asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    boost::system::error_code error;
    if (ca_file.empty()) {
        tls.set_default_verify_paths(error);
    } else {
        tls.load_verify_file(ca_file, error);
    }
    if (error) {
        return fail(Code::unreadable, "the certificates cannot be read", ca_file);
    }
    return tls;
}

/// Call before the handshake: requires the peer's certificate to be for `host`.
inline void expect_host(TlsStream& stream, const std::string& host) {
    SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
    stream.set_verify_mode(boost::asio::ssl::verify_peer);
    stream.set_verify_callback(boost::asio::ssl::host_name_verification(host));
}

} // namespace oa_stream::net
