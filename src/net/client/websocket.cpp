#include "oa_stream/net/websocket.hpp"

#include "oa_stream/net/name_lookup.hpp"

#include "client_tls.hpp"
#include "connect_each.hpp"
#include "websocket_url.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/impl/src.hpp> // nothing else uses asio's TLS
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <fmt/format.h>

#include <deque>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

namespace oa_stream::net {

namespace {

namespace ssl = asio::ssl;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol::socket;

constexpr auto k_awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_read_piece = 64U << 10U;
constexpr Millis k_goodbye{2'000};

template <class Stream> constexpr bool k_secure = std::is_same_v<Stream, TlsStream>;
template <class Stream> constexpr bool k_local = std::is_same_v<Stream, Local>;
template <class Stream> using Lowest = std::conditional_t<k_local<Stream>, Local, Tcp::socket>;

/// One connection. Each pending operation holds a reference; abort() ends them all.
template <class Stream>
class Connection final : public std::enable_shared_from_this<Connection<Stream>> {
public:
    using Self = std::shared_ptr<Connection>;

    template <class... Tls>
    Connection(const asio::any_io_executor& executor, WebSocketRequest request, Tls&... tls)
        : request_(std::move(request)), stream_(Lowest<Stream>(executor), tls...), timer_(executor),
          closer_(executor), lookup_(executor) {
        stream_.read_message_max(0); // read() enforces the limit
        stream_.control_callback([this](websocket::frame_type kind, boost::beast::string_view) {
            heard_ = Clock::now();
            if (kind == websocket::frame_type::close && !closing_) {
                leave_soon(); // the peer may have sent a close frame but keep the connection open
            }
        });
        stream_.set_option(websocket::stream_base::decorator([this](websocket::request_type& head) {
            decorate(head);
        }));
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() = default;

    /// nullopt: the connection is open.
    static Task<std::optional<WebSocketOpened>> open(Self self, WebSocketUrl url) {
        self->timer_.expires_after(self->request_.open_timeout);
        self->timer_.async_wait([weak = self->weak_from_this()](const error_code& error) {
            if (const auto alive = weak.lock(); !error && alive) {
                alive->late_ = true;
                alive->abort();
            }
        });
        auto failed = co_await connect(self, url);
        if (!failed && k_secure<Stream>) {
            failed = co_await shake_hands(self, url.host);
        }
        if (!failed) {
            failed = co_await upgrade(self, url);
        }
        self->timer_.cancel();
        if (failed) {
            self->abort();
            co_return failed;
        }
        self->heard_ = Clock::now();
        self->ping_later();
        co_return std::nullopt;
    }

    static Task<Result<WebSocketMessage>> read(Self self) {
        WebSocketMessage message;
        self->reading_ = true;
        self->heard_ = std::max(self->heard_, self->read_began());
        do {
            auto buffer = asio::dynamic_buffer(message.bytes);
            const auto error =
                std::get<0>(co_await self->stream_.async_read_some(buffer, k_read_piece, k_awaited)
                );
            if (error) {
                self->reading_ = false;
                co_return std::unexpected(self->end_of(error));
            }
            self->heard_ = Clock::now();
            if (message.bytes.size() > self->request_.max_message) {
                if (!self->request_.cut_longer) {
                    self->abort();
                    co_return fail(Code::too_large, "a message is longer than may be");
                }
                message.bytes.resize(self->request_.max_message);
                message.whole = false;
            }
        } while (!self->stream_.is_message_done());
        self->reading_ = false;
        message.binary = self->stream_.got_binary();
        co_return message;
    }

    Result<void> send(std::string bytes, bool binary) {
        if (over_ || closing_) {
            return fail(Code::network, "the connection is over");
        }
        if (unsent_ + bytes.size() > request_.max_unsent) {
            return fail(Code::too_large, "the peer takes no more for now");
        }
        unsent_ += bytes.size();
        outbox_.push_back({std::move(bytes), binary});
        if (outbox_.size() == 1) {
            write();
        }
        return {};
    }

    static Task<void> close(Self self, std::uint16_t code) {
        if (!self->over_ && !std::exchange(self->closing_, true)) {
            self->leave_soon();
            co_await self->stream_.async_close(websocket::close_reason(code), k_awaited);
            self->closer_.cancel();
        }
        self->abort();
    }

    void abort() noexcept {
        over_ = true;
        error_code ignored;
        lowest().close(ignored);
        lookup_.abandon();
        timer_.cancel();
        closer_.cancel();
    }

    [[nodiscard]] std::uint16_t close_code() const noexcept { return stream_.reason().code; }

private:
    struct Outgoing {
        std::string bytes;
        bool binary = false;
    };

    void leave_soon() {
        closer_.expires_after(k_goodbye);
        closer_.async_wait([weak = this->weak_from_this()](const error_code& error) {
            if (const auto alive = weak.lock(); !error && alive) {
                alive->abort();
            }
        });
    }

    Lowest<Stream>& lowest() noexcept { return boost::beast::get_lowest_layer(stream_); }

    void decorate(websocket::request_type& head) const {
        for (const auto& [name, value] : request_.headers.all()) {
            head.set(name, value);
        }
        if (!request_.bearer.empty()) {
            head.set("Authorization", fmt::format("Bearer {}", request_.bearer.reveal()));
        }
    }

    [[nodiscard]] WebSocketOpened failure(Code code, std::string message) const {
        if (late_) {
            return {.error = {Code::timeout, "the connection was not open in time"}};
        }
        return {.error = {code, std::move(message)}};
    }

    static Task<std::optional<WebSocketOpened>> connect(Self self, WebSocketUrl url) {
        if constexpr (k_local<Stream>) {
            const auto [error] = co_await self->lowest().async_connect(url.unix_path, k_awaited);
            co_return self->reached(error);
        } else {
            co_return co_await connect_tcp(self, url);
        }
    }

    [[nodiscard]] std::optional<WebSocketOpened> reached(const error_code& error) const {
        return error || over_ ? std::optional(failure(Code::network, error.message()))
                              : std::nullopt;
    }

    static Task<std::optional<WebSocketOpened>> connect_tcp(Self self, WebSocketUrl url) {
        const auto [unknown, places] = co_await self->lookup_.run(url.host, url.port);
        if (unknown || self->over_) {
            co_return self->failure(Code::network, "the host's name is not known");
        }
        const auto error = co_await connect_each(
            std::shared_ptr<TcpSocket>(self, &self->lowest()), places, self->timer_.expiry()
        );
        error_code ignored;
        self->lowest().set_option(Tcp::no_delay(true), ignored);
        co_return self->reached(error);
    }

    static Task<std::optional<WebSocketOpened>> shake_hands(Self self, std::string host) {
        if constexpr (k_secure<Stream>) {
            auto& tls = self->stream_.next_layer();
            expect_host(tls, host);
            const auto [error] = co_await tls.async_handshake(ssl::stream_base::client, k_awaited);
            if (error) {
                co_return self->failure(Code::network, "TLS: " + error.message());
            }
        }
        co_return std::nullopt;
    }

    static Task<std::optional<WebSocketOpened>> upgrade(Self self, WebSocketUrl url) {
        websocket::response_type answer;
        const auto [error] =
            co_await self->stream_.async_handshake(answer, url.authority, url.target, k_awaited);
        if (!error) {
            co_return std::nullopt;
        }
        if (error != websocket::error::upgrade_declined) {
            const bool grammar =
                error.category() == error_code(websocket::error::closed).category();
            co_return self->failure(grammar ? Code::protocol : Code::network, error.message());
        }
        auto refused = self->failure(
            Code::unavailable,
            fmt::format("the peer answered {} instead of a WebSocket", answer.result_int())
        );
        refused.status = static_cast<int>(answer.result_int());
        refused.body = answer.body();
        co_return refused;
    }

    Error end_of(const error_code& error) {
        const bool ours = over_ || closing_;
        abort();
        if (dead_) {
            return {Code::network, "the peer does not answer pings"};
        }
        if (close_code() != 0 && !closing_) {
            return {Code::unavailable, fmt::format("the peer closed with {}", close_code())};
        }
        if (ours || error == asio::error::operation_aborted) {
            return {Code::cancelled, "the connection was closed"};
        }
        const bool grammar = error.category() == error_code(websocket::error::closed).category();
        return {grammar ? Code::protocol : Code::network, error.message()};
    }

    void write() {
        stream_.binary(outbox_.front().binary);
        stream_.async_write(
            asio::buffer(outbox_.front().bytes),
            // Not a lambda: asio's handler type name would then contain this file's path.
            std::bind_front(&Connection::written, this->shared_from_this())
        );
    }

    void written(const error_code& error, std::size_t /*bytes*/) {
        unsent_ -= outbox_.front().bytes.size();
        outbox_.pop_front();
        if (!error && !outbox_.empty()) { // read() reports the error
            write();
        }
    }

    /// Start of the silence: while nothing was read, the silence is ours, not the peer's.
    [[nodiscard]] Clock::time_point read_began() const {
        return pinged_ ? std::max(*pinged_, Clock::now() - request_.ping_every) : heard_;
    }

    void ping_later() {
        if (request_.ping_every == Millis::zero()) {
            return;
        }
        after(request_.ping_every, [this] {
            pinged_ = Clock::now();
            // Beast already holds a ping that the peer did not accept.
            if (!std::exchange(pinging_, true)) {
                auto then = std::bind_front(&Connection::pinged, this->shared_from_this());
                stream_.async_ping({}, std::move(then));
            }
            after(request_.pong_within, [this] { judge_silence(); });
        });
    }

    /// Keeps the stream alive until the ping is written; read() reports its errors.
    void pinged(const error_code& /*error*/) { pinging_ = false; }

    void judge_silence() {
        dead_ = reading_ && heard_ < pinged_;
        dead_ ? abort() : ping_later();
    }

    template <class Then> void after(Millis wait, Then then) {
        timer_.expires_after(wait);
        timer_.async_wait([weak = this->weak_from_this(), then](const error_code& error) {
            if (const auto alive = weak.lock(); !error && alive && !alive->over_) {
                then();
            }
        });
    }

    WebSocketRequest request_;
    websocket::stream<Stream, false> stream_; // false: no compression
    asio::steady_timer timer_; ///< opening timeout, then pings
    asio::steady_timer closer_; ///< close handshake
    NameLookup lookup_;
    std::deque<Outgoing> outbox_{}; ///< the first one is being sent
    std::size_t unsent_ = 0;
    Clock::time_point heard_{}; ///< when the peer's last frame arrived
    std::optional<Clock::time_point> pinged_{};
    bool pinging_ = false; ///< a ping is not written yet
    bool reading_ = false;
    bool late_ = false;
    bool dead_ = false;
    bool closing_ = false;
    bool over_ = false;
};

template <class Stream> class Handle final : public WebSocket {
public:
    explicit Handle(std::shared_ptr<Connection<Stream>> connection)
        : connection_(std::move(connection)) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() override { connection_->abort(); }

    [[nodiscard]] Task<Result<WebSocketMessage>> read() override {
        return Connection<Stream>::read(connection_);
    }
    [[nodiscard]] Result<void> send(std::string bytes, bool binary) override {
        return connection_->send(std::move(bytes), binary);
    }
    [[nodiscard]] Task<void> close(std::uint16_t code) override {
        return Connection<Stream>::close(connection_, code);
    }
    [[nodiscard]] std::uint16_t close_code() const noexcept override {
        return connection_->close_code();
    }

private:
    std::shared_ptr<Connection<Stream>> connection_;
};

template <class Stream>
Task<WebSocketOpened> open_on(std::shared_ptr<Connection<Stream>> connection, WebSocketUrl url) {
    auto failed = co_await Connection<Stream>::open(connection, std::move(url));
    if (failed) {
        co_return *std::move(failed);
    }
    co_return WebSocketOpened{.socket = std::make_unique<Handle<Stream>>(std::move(connection))};
}

} // namespace

Task<WebSocketOpened> open_websocket(asio::any_io_executor executor, WebSocketRequest request) {
    auto url = parse_websocket_url(request.url);
    if (!url) {
        co_return WebSocketOpened{.error = std::move(url).error()};
    }
    if (!url->unix_path.empty()) {
        auto local = std::make_shared<Connection<Local>>(executor, std::move(request));
        co_return co_await open_on(std::move(local), *std::move(url));
    }
    if (!url->secure) {
        auto plain = std::make_shared<Connection<Tcp::socket>>(executor, std::move(request));
        co_return co_await open_on(std::move(plain), *std::move(url));
    }
    auto tls = client_tls(request.ca_file);
    if (!tls) {
        co_return WebSocketOpened{.error = std::move(tls).error()};
    }
    auto secure = std::make_shared<Connection<TlsStream>>(executor, std::move(request), *tls);
    co_return co_await open_on(std::move(secure), *std::move(url));
}

} // namespace oa_stream::net
