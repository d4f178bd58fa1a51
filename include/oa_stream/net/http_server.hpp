// HTTP/1.1 server with streaming bodies. One io_context thread; no Beast in this header.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace oa_stream::net {

struct ServerLimits {
    std::size_t header_bytes = 64U << 10U;
    std::size_t body_bytes = 8U << 20U;
    std::size_t connections = 20000;
    Millis head_timeout{15000};   ///< first byte of a request's head to its last
    Millis body_timeout{60000};
    Millis idle_timeout{75000};   ///< keep-alive connection without a request
    Millis write_timeout{60000};  ///< a non-streamed answer
};

struct Request {
    std::string method;
    std::string target; ///< as sent
    std::string path;   ///< target without the query, still percent-encoded
    std::string query;
    Headers headers;
    std::string body;   ///< whole; empty when !body_ok
    bool body_too_large = false;
    std::string peer;   ///< "127.0.0.1:54321" or "unix"
    Clock::time_point received{}; ///< first byte of the request
};

struct Response {
    int status = 200;
    Headers headers{};
    std::string body{};
};

/// Immutable bytes kept alive by their owner until they were sent.
struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view bytes;
};

/// The body of a streaming answer (chunked). All calls on the server's thread.
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
    /// Ends the body properly (terminating chunk); at once or after what is still queued.
    virtual void finish() = 0;
    /// Cuts the connection (reset): the peer must not take the body for complete.
    virtual void cut() = 0;
    /// Called once each time a blocked stream has drained.
    virtual void on_writable(std::function<void()> fn) = 0;
    /// Called once when the peer left or the connection broke before finish() was through.
    virtual void on_gone(std::function<void()> fn) = 0;
    /// Bytes of body payload accepted by the socket so far.
    [[nodiscard]] virtual std::uint64_t bytes_sent() const noexcept = 0;
};

/// One request's answer: exactly one of respond() or start_stream().
class Exchange {
public:
    virtual ~Exchange() = default;
    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    [[nodiscard]] virtual const Request& request() const noexcept = 0;
    /// Whole answer with content-length. Completes when it was written (or the peer left: error).
    [[nodiscard]] virtual Task<Result<void>> respond(Response response) = 0;
    /// Sends the head of a chunked answer; the stream lives as long as the pointer is held.
    /// The handler may return before the stream ends.
    [[nodiscard]] virtual Task<Result<std::shared_ptr<BodyStream>>>
    start_stream(int status, Headers headers) = 0;
    /// True once the peer closed while the handler was still thinking.
    [[nodiscard]] virtual bool peer_gone() const noexcept = 0;
};

using Handler = std::function<Task<void>(std::shared_ptr<Exchange>)>;
/// Makes the body of an answer the server itself must give (400 malformed, 408, 431, 503).
using ErrorPage = std::function<Response(int status, std::string_view reason)>;

class HttpServer {
public:
    virtual ~HttpServer() = default;
    HttpServer() = default;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Binds and listens (port 0 picks one). Code::precondition when the address is taken.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(
        const asio::any_io_executor& executor,
        const Endpoint& endpoint,
        ServerLimits limits,
        Handler handler,
        ErrorPage error_page
    );
    [[nodiscard]] virtual Endpoint endpoint() const = 0; ///< with the real port
    /// No new connections; idle ones are closed; running exchanges go on.
    virtual void stop_accepting() = 0;
    /// Cuts everything.
    virtual void close() = 0;
    [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
};

} // namespace oa_stream::net
