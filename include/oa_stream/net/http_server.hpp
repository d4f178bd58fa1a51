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
    std::size_t sieved_bytes = 0; ///< of a body that a BodySieve reads; at least body_bytes
    std::size_t connections = 20000;
    Millis handshake_timeout{10000}; ///< TLS: connection to the handshake's end
    Millis head_timeout{15000};   ///< first byte of a request's head to its last
    Millis body_timeout{60000};
    /// Keep-alive connection without a request. Longer than the 60 s of the usual proxies: who
    /// closes first loses the request that is just coming.
    Millis idle_timeout{75000};
    /// After stop_accepting(): a connection that has not had a request yet.
    Millis last_request_timeout{1000};
    Millis write_timeout{60000};  ///< a non-streamed answer, and what finish() left to send
    /// Bytes sent but not acknowledged for so long: the peer's machine is gone without a word. TCP
    /// only; the kernel counts a reader that takes nothing at all as gone too.
    Millis unacknowledged_timeout{120000};
};

struct Request {
    std::string method;
    std::string target; ///< as sent
    std::string path; ///< target without the query, still percent-encoded
    std::string query;
    Headers headers;
    std::string body; ///< whole once it was read; empty before, and when it is too large
    bool body_too_large = false; ///< its announced length is over the limit (or that of its chunks)
    bool body_beyond_sieves = false; ///< over ServerLimits::sieved_bytes as well
    std::string peer; ///< "127.0.0.1:54321" or "unix"
    bool secure = false; ///< came over TLS
    Clock::time_point received{}; ///< first byte of the request
};

struct Response {
    int status = 200;
    Headers headers{};
    std::string body{};
};

/// Immutable bytes, kept alive by their owner until they were sent. Without an owner they live for
/// the call alone: what the socket does not take of it is copied.
struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view bytes;
};

/// The body of a streaming answer. All calls on the server's thread.
///
/// Framing: chunked; the plain bytes when the head has a content-length (then finish() after fewer
/// bytes, or a send() beyond it, resets the connection); until close for HTTP/1.0; nothing for
/// HEAD. The peer counts as gone as soon as it closes its sending half, as in Node and Go: clients
/// that stop reading look the same. Requests sent ahead wait, up to 64 KiB of them. Dropping the
/// last pointer before finish() cuts the connection; after finish() it may be dropped at once.
class BodyStream {
public:
    enum class State { open, blocked, gone };
    virtual ~BodyStream() = default;
    BodyStream() = default;
    BodyStream(const BodyStream&) = delete;
    BodyStream& operator=(const BodyStream&) = delete;

    [[nodiscard]] virtual State state() const noexcept = 0;
    /// Sends the slices as one HTTP chunk, without waiting. `open`: everything went out. `blocked`:
    /// the socket is full; the rest is kept (slices stay alive) and on_writable fires when it went
    /// out; calling send() before that is a broken invariant. `gone`: the peer left.
    virtual State send(std::span<const Slice> slices) = 0;
    /// Ends the body properly (terminating chunk); at once or after what is still queued. When all
    /// is out the connection serves on and state() is `gone`.
    virtual void finish() = 0;
    /// Cuts the connection (reset): the peer must not take the body for complete. No callback.
    virtual void cut() = 0;
    /// Called once each time a blocked stream has drained. Both callbacks may send, replace
    /// themselves, or drop the stream; neither is ever called from inside another call of this
    /// class.
    virtual void on_writable(std::function<void()> fn) = 0;
    /// Called once when the peer left or the connection broke before finish() was through.
    virtual void on_gone(std::function<void()> fn) = 0;
    /// Bytes of body payload accepted by the socket so far.
    [[nodiscard]] virtual std::uint64_t bytes_sent() const noexcept = 0;
};

/// Keeps of a body, while it comes in, what its request needs. The body may then be longer than
/// ServerLimits::body_bytes; what is kept of it may not. While it comes in, twice as much may be.
class BodySieve {
public:
    virtual ~BodySieve() = default;
    BodySieve() = default;
    BodySieve(const BodySieve&) = delete;
    BodySieve& operator=(const BodySieve&) = delete;

    /// Appends `piece`, and takes away from `kept` when that is more than `most`.
    virtual void filter(std::string_view piece, std::string& kept, std::size_t most) = 0;
    /// After the last piece.
    virtual void finish(std::string& kept) = 0;
};

/// One request's answer: exactly one of respond() or start_stream(), which act when called; the
/// task only waits. An exchange dropped without either is answered 500. The fields connection,
/// keep-alive and transfer-encoding are the server's own: a "connection: close" of the caller is
/// honoured, the rest of them dropped; every other field is sent as given.
class Exchange {
public:
    virtual ~Exchange() = default;
    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] virtual const Request& request() const noexcept = 0;
    /// Takes the rest of the request: request().body is whole afterwards. Only now the client of
    /// "Expect: 100-continue" is asked to send it. At once when there is nothing left to read.
    /// Errors: too_large (over ServerLimits::body_bytes), unavailable (no room in the budget, or no
    /// memory), timeout (ServerLimits::body_timeout), protocol (malformed chunks), network (the
    /// peer left). After any of them the answer ends the connection.
    [[nodiscard]] Task<Result<void>> read_body() { return read_body(nullptr); }
    /// Through the sieve, unless that is null.
    [[nodiscard]] virtual Task<Result<void>> read_body(std::unique_ptr<BodySieve> sieve) = 0;
    /// The body is needed no more: gives its memory and its share of the budget back.
    virtual void drop_body() = 0;
    /// Whole answer with content-length. Completes when it was written. Errors: network (the peer
    /// left), timeout (ServerLimits::write_timeout), cancelled (the server was closed).
    [[nodiscard]] virtual Task<Result<void>> respond(Response response) = 0;
    /// Sends the head of a streamed answer (with the first piece, when that is sent at once); the
    /// stream lives as long as the pointer is held. The handler may return before the stream ends.
    /// Code::network when the peer has left.
    [[nodiscard]] virtual Task<Result<std::shared_ptr<BodyStream>>>
    start_stream(int status, Headers headers) = 0;
    /// True once the peer closed (or half-closed) while the handler was still thinking. A whole
    /// answer is still tried then: `nc -N` reads it.
    [[nodiscard]] virtual bool peer_gone() const noexcept = 0;
    /// True once nothing can be answered any more: the peer reset the connection, or it was closed.
    [[nodiscard]] virtual bool connection_lost() const noexcept = 0;
    /// Of the body of a whole answer, once respond() has completed: what the socket accepted, also
    /// where the peer left before the rest. Any of it means that the status line went out.
    [[nodiscard]] virtual std::uint64_t body_sent() const noexcept = 0;
};

using Handler = std::function<Task<void>(std::shared_ptr<Exchange>)>;
/// A request that the server itself must answer (400 malformed, 408, 431, 503).
struct RefusedRequest {
    int status = 0;
    std::string_view reason;
    std::string_view path{}; ///< what it asked for, as far as its head was readable; else empty
    std::string_view peer{}; ///< these as in Request
    bool secure = false;
    Clock::time_point received{};
};
/// Makes the answer.
using ErrorPage = std::function<Response(const RefusedRequest& refused)>;

/// When a request is handed to the handler.
enum class HandOver {
    whole, ///< with its body
    head, ///< after its head: the handler decides on it first, and calls read_body() then. An
          ///< answer before that leaves the body unread: a short one is skipped, after a long one
          ///< the connection is closed, within bounds of bytes and time
};

struct ListenOptions {
    std::shared_ptr<TlsIdentity> tls{}; ///< null: plain. Reloading it changes new connections
    unsigned unix_mode = 0600; ///< of a unix socket's file, from its first moment on
    HandOver hand_over = HandOver::whole;
    std::shared_ptr<BodyBudget> budget{}; ///< of read_body(); null: no limit but that of one body
};

class HttpServer {
public:
    virtual ~HttpServer() = default;
    HttpServer() = default;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds and listens (port 0 picks one). Code::precondition when
    /// the address is taken, Code::config when it cannot be ours. Out of descriptors, or at the cap
    /// of connections, accepting pauses and resumes by itself.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(
        const asio::any_io_executor& executor,
        const Endpoint& endpoint,
        ServerLimits limits,
        Handler handler,
        ErrorPage error_page,
        ListenOptions options = {}
    );
    [[nodiscard]] virtual Endpoint endpoint() const = 0; ///< with the real port
    /// No new connections, but those that the kernel has queued; idle ones are closed; running
    /// exchanges go on. A connection that has not had a request yet may still bring one.
    virtual void stop_accepting() = 0;
    /// Cuts everything.
    virtual void close() = 0;
    [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
    /// Requests that are being received or that the handler has, and answers whose last bytes are
    /// on their way; after stop_accepting() also connections that may still bring a request.
    [[nodiscard]] virtual std::size_t answering() const noexcept = 0;
};

} // namespace oa_stream::net
