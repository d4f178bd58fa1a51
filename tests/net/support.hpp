// Real sockets on one io_context, driven from the test's own thread: a test reads top to bottom and
// waits for events, never for time.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/http_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::net::testing {

/// Long enough for a busy machine under sanitizers; no test waits for it to pass.
constexpr Millis k_patience{20000};

/// A receive buffer that fills soon, yet drains quickly: below the loopback's segment size the
/// kernel falls back to its persist timer.
constexpr int k_small_buffer = 128 << 10;

class Loop {
public:
    asio::io_context context{1};

    /// Runs handlers until `done()` says so; throws after k_patience.
    void until(const std::function<bool()>& done, std::string_view what);
    /// Runs what is ready now.
    void settle();

    template <class T> T get(Task<T> task) {
        const auto value = start(std::move(task));
        until([&] { return value->has_value(); }, "a task");
        return std::move(**value);
    }

    /// Starts a task; its value appears later.
    template <class T> std::shared_ptr<std::optional<T>> start(Task<T> task) {
        auto value = std::make_shared<std::optional<T>>();
        asio::co_spawn(
            context,
            std::move(task),
            [value](const std::exception_ptr& thrown, T result) {
                if (thrown) {
                    std::rethrow_exception(thrown);
                }
                value->emplace(std::move(result));
            }
        );
        return value;
    }
};

/// A response as a client decodes it.
struct Answer {
    int status = 0;
    std::string head;
    Headers headers;
    std::string body;
};

/// What a peer received.
class Received {
public:
    /// Takes bytes up to and including `mark`.
    [[nodiscard]] std::string take_until(std::string_view mark);
    [[nodiscard]] std::string take(std::size_t count);
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    [[nodiscard]] std::string& received() noexcept { return received_; }
    [[nodiscard]] const std::string& received() const noexcept { return received_; }

protected:
    explicit Received(Loop& loop) : loop_(loop) {}

    Loop& loop_;
    std::string received_;
    bool ended_ = false;
};

/// One raw connection; keeps reading unless told not to.
class Peer : public Received {
public:
    using Socket = asio::generic::stream_protocol::socket;

    /// `receive_buffer` 0: the kernel's default.
    Peer(Loop& loop, const Endpoint& endpoint, int receive_buffer = 0);
    Peer(Loop& loop, Socket socket);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer();

    /// All of it, running the loop meanwhile.
    void send(std::string_view bytes);
    /// Begins to send; what the other side does not take waits.
    void send_later(std::string bytes);
    void half_close();
    void close();
    void reset();
    void pause_reading() { reading_ = false; }
    void resume_reading();

    /// Takes one whole answer off the front of what was received.
    [[nodiscard]] Answer answer(bool head_request = false);
    /// Waits for the end of the connection; true when it was a reset.
    [[nodiscard]] bool wait_end();
    [[nodiscard]] std::size_t reads() const noexcept { return reads_; }
    [[nodiscard]] Socket& socket() noexcept { return socket_; }

private:
    void read();
    void write();
    [[nodiscard]] std::string take_chunks();

    Socket socket_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::string outgoing_;
    std::string piece_;
    bool reading_ = true;
    bool read_armed_ = false;
    bool writing_ = false;
    bool reset_ = false;
    std::size_t reads_ = 0;
};

/// A server whose handler only hands its requests to the test.
class TestServer {
public:
    explicit TestServer(
        Loop& loop,
        ServerLimits limits = {},
        Endpoint endpoint = {"127.0.0.1", 0},
        ListenOptions options = {}
    );

    /// The next request.
    [[nodiscard]] std::shared_ptr<Exchange> next();
    [[nodiscard]] std::size_t waiting() const noexcept { return inbox_->size(); }
    [[nodiscard]] Endpoint endpoint() const { return server->endpoint(); }

    std::unique_ptr<HttpServer> server;

private:
    Loop& loop_;
    std::shared_ptr<std::deque<std::shared_ptr<Exchange>>> inbox_ =
        std::make_shared<std::deque<std::shared_ptr<Exchange>>>();
};

/// A listening socket that speaks whatever the test says.
class RawServer {
public:
    explicit RawServer(Loop& loop);
    [[nodiscard]] Endpoint endpoint() const;
    [[nodiscard]] std::string url(std::string_view path = "/") const;
    [[nodiscard]] std::unique_ptr<Peer> accept();

private:
    Loop& loop_;
    asio::ip::tcp::acceptor acceptor_;
};

/// A client, and a server that the test plays.
struct Both {
    Loop loop;
    RawServer server{loop};
    std::unique_ptr<HttpClient> client = HttpClient::make(loop.context.get_executor());
    std::shared_ptr<std::optional<ClientResponse>> answer; ///< to the newest request
    std::unique_ptr<Peer> peer; ///< the newest connection that was accepted

    /// Without a URL: of this server.
    void fetch(ClientRequest request = {});
    /// … on a connection of its own; returns the head that the server gets.
    std::string ask(ClientRequest request = {});
    /// Waits for it.
    [[nodiscard]] const ClientResponse& result();
};

[[nodiscard]] std::string url_of(const Endpoint& endpoint, std::string_view path = "/");
[[nodiscard]] std::string get_request(std::string_view path = "/", std::string_view extra = "");
[[nodiscard]] Slice slice(std::string text);
/// A 200 that streams, to the server's next request. Throws when the client is gone.
[[nodiscard]] std::shared_ptr<BodyStream>
begin(Loop& loop, TestServer& server, Headers headers = {});
BodyStream::State send(BodyStream& stream, std::string text);

/// A server, and a peer that is connected to it.
struct Serving {
    explicit Serving(ServerLimits limits = {})
        : server(loop, limits), peer(loop, server.endpoint()) {}

    Loop loop;
    TestServer server;
    Peer peer;
};

/// A peer that asked for a stream, and the server's end of it.
enum class Reads { at_once, not_yet }; ///< the peer; not yet: with a small buffer, until told to
struct Streaming {
    explicit Streaming(Reads reads = Reads::at_once, ServerLimits limits = {});

    Loop loop;
    TestServer server;
    Peer peer;
    std::shared_ptr<BodyStream> stream;
};

} // namespace oa_stream::net::testing
