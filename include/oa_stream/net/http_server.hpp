// HTTP/1.1 server with streaming bodies. One io_context thread; no Beast in this header.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/net/body_budget.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/net/tls.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace oa_stream::net {

struct ServerLimits {
    std::size_t header_bytes = 64U << 10U;
    std::size_t body_bytes = 8U << 20U;
    std::size_t sieved_bytes = 0; ///< limit for a body that a BodySieve reads; at least body_bytes
    std::size_t connections = 20000;
    Millis handshake_timeout{10000}; ///< TLS: from connecting to the end of the handshake
    Millis head_timeout{15000}; ///< from the first byte of a request's head to its last
    Millis body_timeout{60000};
    /// Keep-alive connection without a request. Longer than the 60 s of common proxies: the side
    /// that closes first loses a request that is just arriving.
    Millis idle_timeout{75000};
    /// After stop_accepting(): for a connection without any request so far.
    Millis last_request_timeout{1000};
    Millis write_timeout{60000}; ///< for a non-streamed answer, and for what finish() left to send
    /// Bytes sent but not acknowledged for this long: the peer's machine vanished without closing.
    /// TCP only; the kernel also counts a reader that reads nothing at all as vanished.
    Millis unacknowledged_timeout{120000};
};

struct Request {
    std::string method;
    std::string target; ///< as sent
    std::string path; ///< target without the query, still percent-encoded
    std::string query;
    Headers headers;
    std::string body; ///< complete after it was read; empty before, and when it is too large
    bool body_too_large = false; ///< the announced length (or that of the chunks) exceeds the limit
    bool body_beyond_sieves = false; ///< also exceeds ServerLimits::sieved_bytes
    std::string peer; ///< "127.0.0.1:54321" or "unix"
    bool secure = false; ///< arrived over TLS
    Clock::time_point received{}; ///< first byte of the request
};

struct Response {
    int status = 200;
    Headers headers{};
    std::string body{};
};

/// Immutable bytes that their owner keeps alive until they are sent. Without an owner they only
/// live during the call: whatever the socket does not accept is copied.
struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view bytes;
};

/// The body of a streaming answer. All calls must be made on the server's thread.
///
/// Framing: chunked; plain bytes when the head has a content-length (then finish() after fewer
/// bytes, or a send() beyond it, resets the connection); until close for HTTP/1.0; nothing for
/// HEAD. The peer counts as gone as soon as it closes its sending half, as in Node and Go, because
/// clients that stop reading look the same. Pipelined requests wait, up to 64 KiB of them. Dropping
/// the last pointer before finish() cuts the connection; after finish() it may be dropped at once.
class BodyStream {
public:
    enum class State { open, blocked, gone };
    virtual ~BodyStream() = default;
    BodyStream() = default;
    BodyStream(const BodyStream&) = delete;
    BodyStream& operator=(const BodyStream&) = delete;

    [[nodiscard]] virtual State state() const noexcept = 0;
    /// Sends the slices as one HTTP chunk, without waiting. `open`: everything was sent. `blocked`:
    /// the socket is full; the rest is kept (slices stay alive) and on_writable fires once it is
    /// sent; calling send() before that breaks an invariant. `gone`: the peer left.
    virtual State send(std::span<const Slice> slices) = 0;
    /// Ends the body properly (terminating chunk), at once or after the queued bytes. When
    /// everything is sent the connection accepts further requests and state() is `gone`.
    virtual void finish() = 0;
    /// Cuts the connection (reset), so that the peer cannot mistake the body for complete. No
    /// callback.
    virtual void cut() = 0;
    /// Called once each time a blocked stream has drained. Both callbacks may send, replace
    /// themselves, or drop the stream; neither is ever called from within another call of this
    /// class.
    virtual void on_writable(std::function<void()> fn) = 0;
    /// Called once when the peer left or the connection broke before finish() completed.
    virtual void on_gone(std::function<void()> fn) = 0;
    /// Bytes of body payload accepted by the socket so far.
    [[nodiscard]] virtual std::uint64_t bytes_sent() const noexcept = 0;
};

/// Filters a body while it arrives, keeping what its request needs. The body may then be longer
/// than ServerLimits::body_bytes; the kept part may not, except while the body arrives, when it may
/// be twice as long.
class BodySieve {
public:
    virtual ~BodySieve() = default;
    BodySieve() = default;
    BodySieve(const BodySieve&) = delete;
    BodySieve& operator=(const BodySieve&) = delete;

    /// Appends `piece`, and shortens `kept` when it is longer than `most`.
    virtual void filter(std::string_view piece, std::string& kept, std::size_t most) = 0;
    /// Called after the last piece.
    virtual void finish(std::string& kept) = 0;
};

/// One request's answer: exactly one of respond() or start_stream() must be called. They act when
/// called; the task only waits. An exchange that is dropped without either is answered with 500.
/// The server owns the fields connection, keep-alive and transfer-encoding: it honours the caller's
/// "connection: close" and drops the others; every other field is sent unchanged.
class Exchange {
public:
    virtual ~Exchange() = default;
    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] virtual const Request& request() const noexcept = 0;
    /// Reads the rest of the request: request().body is complete afterwards. Only now a client that
    /// sent "Expect: 100-continue" is told to send it. Returns at once when nothing is left to
    /// read. Errors: too_large (over ServerLimits::body_bytes), unavailable (no room in the budget,
    /// or no memory), timeout (ServerLimits::body_timeout), protocol (malformed chunks), network
    /// (the peer left). After any of them the answer ends the connection.
    [[nodiscard]] Task<Result<void>> read_body() { return read_body(nullptr, {}); }
    /// Reads through the sieve, unless it is null. `owner`: whose share of the budget it needs;
    /// empty: unknown.
    [[nodiscard]] virtual Task<Result<void>>
    read_body(std::unique_ptr<BodySieve> sieve, std::string owner) = 0;
    /// Releases the body's memory and its share of the budget.
    virtual void drop_body() = 0;
    /// Sends a complete answer with content-length and completes when it was written. Errors:
    /// network (the peer left), timeout (ServerLimits::write_timeout), cancelled (the server was
    /// closed).
    [[nodiscard]] virtual Task<Result<void>> respond(Response response) = 0;
    /// Sends the head of a streamed answer (together with the first piece, if that is sent at
    /// once). The stream lives as long as the pointer is held; the handler may return before the
    /// stream ends. Code::network when the peer has left.
    [[nodiscard]] virtual Task<Result<std::shared_ptr<BodyStream>>>
    start_stream(int status, Headers headers) = 0;
    /// True once the peer closed (or half-closed) before an answer began. A complete answer is
    /// still attempted then: `nc -N` reads it.
    [[nodiscard]] virtual bool peer_gone() const noexcept = 0;
    /// True once no answer is possible: the peer reset the connection, or it was closed.
    [[nodiscard]] virtual bool connection_lost() const noexcept = 0;
    /// Bytes of a complete answer's body that the socket accepted, valid once respond() has
    /// completed, also when the peer left before the rest. Any of them means that the status line
    /// was sent.
    [[nodiscard]] virtual std::uint64_t body_sent() const noexcept = 0;
};

using Handler = std::function<Task<void>(std::shared_ptr<Exchange>)>;
/// A request that the server must answer itself (400 malformed, 408, 431, 503).
struct RefusedRequest {
    int status = 0;
    std::string_view reason;
    /// The requested path, as far as the head was readable; otherwise empty.
    std::string_view path{};
    std::string_view peer{}; ///< this and the following as in Request
    bool secure = false;
    Clock::time_point received{};
};
/// Renders the answer.
using ErrorPage = std::function<Response(const RefusedRequest& refused)>;

/// When the handler receives a request.
enum class HandOver {
    whole, ///< with its body
    /// After its head: the handler decides first, and then calls read_body(). An earlier answer
    /// leaves the body unread: a short rest is skipped, after a long one the connection is closed,
    /// within limits of bytes and time.
    head,
};

struct ListenOptions {
    std::shared_ptr<TlsIdentity> tls{}; ///< null: plain. Reloading it affects new connections
    unsigned unix_mode = 0600; ///< of a unix socket's file, from its creation on
    HandOver hand_over = HandOver::whole;
    /// For read_body(); null: only the limit per body applies.
    std::shared_ptr<BodyBudget> budget{};
};

class HttpServer {
public:
    virtual ~HttpServer() = default;
    HttpServer() = default;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds and listens (port 0 selects a free one). Code::precondition when the address is in
    /// use, Code::config when it cannot be bound here. Without free descriptors, or at the limit of
    /// connections, accepting pauses and resumes by itself.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(
        const asio::any_io_executor& executor,
        const Endpoint& endpoint,
        ServerLimits limits,
        Handler handler,
        ErrorPage error_page,
        ListenOptions options = {}
    );
    [[nodiscard]] virtual Endpoint endpoint() const = 0; ///< with the real port
    /// Accepts no new connections except those that the kernel has queued; idle connections are
    /// closed; running exchanges continue. A connection without any request so far may still send
    /// one.
    virtual void stop_accepting() = 0;
    /// Cuts all connections.
    virtual void close() = 0;
    [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
    /// Number of requests being received or handled, and of answers whose last bytes are being
    /// sent; after stop_accepting() also connections that may still send a request.
    [[nodiscard]] virtual std::size_t answering() const noexcept = 0;
};

} // namespace oa_stream::net
