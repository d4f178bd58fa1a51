// Certificates and a TLS client for the tests of this room.
#pragma once

#include "support.hpp"
#include "temp_folder.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::net::testing {

struct PemPair {
    std::string certificate;
    std::string key;
};
/// Self-signed, valid today. `passphrase`: the key is encrypted with it.
[[nodiscard]] PemPair make_pem_pair(std::string_view name, std::string_view passphrase = "");

/// Certificate and key as files, the key with mode 0600.
class PemFiles {
public:
    explicit PemFiles(std::string_view name = "lane.test") { write(make_pem_pair(name)); }
    void write(const PemPair& pair) const;
    [[nodiscard]] std::string certificate() const { return folder_.file("cert.pem"); }
    [[nodiscard]] std::string key() const { return folder_.file("key.pem"); }

private:
    test::TempFolder folder_{};
};

struct TlsClientOptions {
    std::string alpn{"\x08http/1.1"}; ///< wire form; empty: none offered
    int newest = 0; ///< TLS1_1_VERSION …; 0: any
    int receive_buffer = 0;
};

/// One TLS connection; keeps reading unless told not to.
class TlsPeer : public Received {
public:
    TlsPeer(Loop& loop, const Endpoint& endpoint, const TlsClientOptions& options = {});
    TlsPeer(const TlsPeer&) = delete;
    TlsPeer& operator=(const TlsPeer&) = delete;
    ~TlsPeer();

    /// True when the handshake succeeded.
    [[nodiscard]] bool shaken() const noexcept { return shaken_; }
    [[nodiscard]] std::string protocol() const; ///< of ALPN
    [[nodiscard]] std::string subject() const; ///< of the server's certificate
    void send(std::string_view bytes);
    void pause_reading() { reading_ = false; }
    void resume_reading();
    /// Waits for the end; true when the server said so (close_notify), false when it was cut.
    [[nodiscard]] bool wait_end();
    /// Without a goodbye, as most clients leave.
    void close();
    /// Says goodbye and keeps the socket.
    void say_goodbye();

private:
    void read();

    asio::ssl::context context_;
    asio::ssl::stream<asio::ip::tcp::socket> stream_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::string piece_;
    bool shaken_ = false;
    bool reading_ = true;
    bool read_armed_ = false;
    boost::system::error_code end_;
};

/// A TLS server whose handler only hands its requests to the test.
struct TlsTestServer {
    explicit TlsTestServer(Loop& loop, ServerLimits limits = {});

    PemFiles files{};
    std::shared_ptr<TlsIdentity> identity;
    TestServer server;
};

} // namespace oa_stream::net::testing
