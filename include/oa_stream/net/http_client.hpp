// The only HTTP client (libcurl multi on our io_context).
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::net {

/// Why a transfer ended without a complete answer; the probes' outcomes depend on it.
enum class TransferFailure {
    none,
    dns,
    refused,
    tls,
    connect_timeout,
    first_byte_timeout, ///< connected, but no response head in time
    idle_timeout,       ///< silence between two reads of the body
    total_timeout,
    reset, ///< the connection broke before the body's end
    truncated, ///< the peer closed before the announced end (content-length, missing last chunk)
    malformed, ///< not HTTP, or a request that cannot be sent
    cancelled,
    too_large,          ///< the body outgrew ClientRequest::max_body
};
[[nodiscard]] std::string_view to_string(TransferFailure failure) noexcept;
/// Error code for a caller that needs the complete answer.
[[nodiscard]] Code code_of(TransferFailure failure) noexcept;

/// Cause of a TLS failure.
enum class TlsTrouble {
    none,      ///< TLS did not fail
    untrusted, ///< no known authority vouches for the server's certificate
    plain, ///< the server does not speak TLS
    other,
};

struct ClientRequest {
    std::string method = "GET";
    std::string url{}; ///< http or https only; redirects are never followed
    Headers headers{};
    std::string body{};
    Secret bearer{};          ///< sent as Authorization: Bearer …
    std::string unix_socket{};
    std::string connect_to{}; ///< the "host:port" to connect to; the URL's host stays in Host
    /// The connection is neither taken from the pool nor returned to it. Methods other than GET,
    /// HEAD and OPTIONS never start on a pooled connection: libcurl would silently repeat them if
    /// the connection turned out to be dead.
    bool fresh_connection = false;
    std::string ca_file{}; ///< PEM; empty: the system's. Peers are always verified
    // Zero: no limit.
    Millis connect_timeout{5000}; ///< name lookup, connect and TLS together
    Millis first_byte_timeout{30000}; ///< from connected to the end of the response head
    Millis idle_timeout{60000}; ///< not applied while paused
    Millis total_timeout{600000};
    std::size_t max_body = 64U << 20U; ///< for fetch(); streams have no limit
    /// Sent in place of `body`. Both are released once all was sent and an answer begins, or when
    /// the transfer ends.
    std::shared_ptr<const std::string> shared_body{};
    /// Relays another client's request: adds no User-Agent or Accept that the client did not send.
    bool relayed = false;
    std::string cert_file{}; ///< PEM, presented to the peer; empty: see set_client_certificate()
    std::string key_file{}; ///< key of `cert_file`; empty: it is in that file
};

/// Offsets from the transfer's start; -1 when not reached.
struct Timings {
    Clock::time_point started{};
    double connected_s = -1;
    double tls_s = -1;
    double head_s = -1; ///< last byte of the response head
    double first_byte_s = -1; ///< first byte of the body
    double end_s = -1;
};

struct ClientResponse {
    int status = 0; ///< 0: no head arrived
    Headers headers{};
    std::string raw_head{}; ///< as received
    std::string body{}; ///< empty for streams
    TransferFailure failure = TransferFailure::none;
    std::string failure_text{};
    Timings timings{};
    std::string peer{}; ///< "ip:port"
};

/// What a streaming reader wants next.
enum class Flow { go_on, stop, pause };
struct StreamHandlers {
    std::function<Flow(const ClientResponse& head)> on_head{};
    /// Called with each piece as it arrives. `pause` keeps this piece and stops reading until
    /// Transfer::resume(), which delivers the same bytes again (perhaps followed by more): consume
    /// nothing of a piece on which you pause. `stop` closes the connection (failure cancelled).
    std::function<Flow(std::string_view bytes, Clock::time_point at)> on_bytes{};
};

/// A running transfer. Dropping the last pointer cancels it. All calls are also allowed inside the
/// handlers; after cancel() (or the drop) no handler is called.
class Transfer {
public:
    virtual ~Transfer() = default;
    Transfer() = default;
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    virtual void resume() = 0;
    virtual void cancel() = 0;
    /// May be awaited once. Cancelling the waiting coroutine cancels the transfer.
    [[nodiscard]] virtual Task<ClientResponse> done() = 0;
};

/// Not thread-safe. Destroying the client ends its transfers: each done() yields `cancelled`.
class HttpClient {
public:
    virtual ~HttpClient() = default;
    HttpClient() = default;
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// `pause`: when connections together deliver more than 2,000 pieces a second, they are read at
    /// this interval. Zero: always at once, as measurements need it. `connections`: the largest
    /// number, pooled ones included; at the limit pooled connections are closed first, and then
    /// transfers wait. Zero: no limit.
    [[nodiscard]] static std::unique_ptr<HttpClient> make(
        const asio::any_io_executor& executor,
        Millis pause = Millis::zero(),
        std::size_t connections = 0
    );
    /// Returns the complete answer. Never throws, never follows redirects, ignores the
    /// environment's proxies.
    [[nodiscard]] virtual Task<ClientResponse> fetch(ClientRequest request) = 0;
    [[nodiscard]] virtual std::shared_ptr<Transfer>
    stream(ClientRequest request, StreamHandlers handlers) = 0;
    /// Of the last failed transfer; a cancelled transfer does not count as failed.
    [[nodiscard]] virtual TlsTrouble tls_trouble() const noexcept { return TlsTrouble::none; }
};

} // namespace oa_stream::net
