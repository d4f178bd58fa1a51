// The one HTTP client (libcurl multi on our io_context).
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::net {

/// Why a transfer ended without a complete answer; the probes' outcome classes hang on it.
enum class TransferFailure {
    none,
    dns,
    refused,
    tls,
    connect_timeout,
    first_byte_timeout, ///< connected, but no response head in time
    idle_timeout,       ///< silence between two reads of the body
    total_timeout,
    reset,              ///< connection broke before the body's end
    truncated,          ///< closed before the promised end (content-length, missing last chunk)
    malformed,          ///< not HTTP, or a request that cannot be one
    cancelled,
    too_large,          ///< the body outgrew ClientRequest::max_body
};
[[nodiscard]] std::string_view to_string(TransferFailure failure) noexcept;
/// The code of the error for a caller that needs the whole answer.
[[nodiscard]] Code code_of(TransferFailure failure) noexcept;

/// What a failure of TLS comes from.
enum class TlsTrouble {
    none,      ///< TLS did not fail
    untrusted, ///< no authority that is known here vouches for the server's certificate
    plain,     ///< no TLS is spoken there
    other,
};

struct ClientRequest {
    std::string method = "GET";
    std::string url{}; ///< http or https only; redirects are never followed
    Headers headers{};
    std::string body{};
    Secret bearer{};          ///< sent as Authorization: Bearer …
    std::string unix_socket{};
    std::string connect_to{}; ///< "host:port" really connected to; the URL's host stays in Host
    /// Neither taken from the pool nor put there. Methods other than GET, HEAD and OPTIONS never
    /// start on a pooled connection: libcurl would silently repeat them if it turned out dead.
    bool fresh_connection = false;
    std::string ca_file{}; ///< PEM; empty: the system's. Peers are always verified
    // Zero: no limit.
    Millis connect_timeout{5000}; ///< name lookup, connect and TLS together
    Millis first_byte_timeout{30000}; ///< from connected to the end of the response head
    Millis idle_timeout{60000}; ///< not while paused
    Millis total_timeout{600000};
    std::size_t max_body = 64U << 20U; ///< of fetch(); streams have no cap
    /// Sent in place of `body`. Like that, it is let go of as soon as an answer begins and all of
    /// it was sent, or the transfer is over.
    std::shared_ptr<const std::string> shared_body{};
    bool relayed = false; ///< another client's: without a User-Agent or Accept that it did not send
    std::string cert_file{}; ///< PEM, shown to the peer; empty: see set_client_certificate()
    std::string key_file{}; ///< of `cert_file`; empty: it stands there
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

/// What a streaming reader does with the next bytes.
enum class Flow { go_on, stop, pause };
struct StreamHandlers {
    std::function<Flow(const ClientResponse& head)> on_head{};
    /// Called with each piece as it arrives. `pause` keeps this piece and stops reading until
    /// Transfer::resume(), which hands the same bytes over again (perhaps with more behind them):
    /// take nothing of a piece you pause on. `stop` closes the connection (failure cancelled).
    std::function<Flow(std::string_view bytes, Clock::time_point at)> on_bytes{};
};

/// A transfer under way. Dropping the last pointer cancels it. Every call may be made inside the
/// handlers too; after cancel() (or the drop) no handler is called.
class Transfer {
public:
    virtual ~Transfer() = default;
    Transfer() = default;
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    virtual void resume() = 0;
    virtual void cancel() = 0;
    /// Awaited once. A waiter that is itself cancelled cancels the transfer.
    [[nodiscard]] virtual Task<ClientResponse> done() = 0;
};

/// One thread. Destroying the client ends its transfers: each done() yields `cancelled`.
class HttpClient {
public:
    virtual ~HttpClient() = default;
    HttpClient() = default;
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// `pause`: what comes on connections that bring much, more than 2,000 pieces a second
    /// together, is read that often. Zero: at once, as measurements need it.
    /// `connections`: so many at most, those kept for later included; beyond it these go first, and
    /// then a transfer waits. Zero: no limit.
    [[nodiscard]] static std::unique_ptr<HttpClient> make(
        const asio::any_io_executor& executor,
        Millis pause = Millis::zero(),
        std::size_t connections = 0
    );
    /// Whole answer. Never throws, never follows redirects, never reads the environment's proxies.
    [[nodiscard]] virtual Task<ClientResponse> fetch(ClientRequest request) = 0;
    [[nodiscard]] virtual std::shared_ptr<Transfer>
    stream(ClientRequest request, StreamHandlers handlers) = 0;
    /// Of the last transfer that failed; one that was cancelled did not.
    [[nodiscard]] virtual TlsTrouble tls_trouble() const noexcept { return TlsTrouble::none; }
};

} // namespace oa_stream::net
