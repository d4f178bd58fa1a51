#include "oa_stream/net/byte_stream.hpp"

#include "oa_stream/net/name_lookup.hpp"

#include "client_tls.hpp"
#include "connect_each.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <type_traits>
#include <utility>

namespace oa_stream::net {

namespace {

namespace ssl = asio::ssl;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using LocalStream = asio::local::stream_protocol;

constexpr auto k_stream_awaited = asio::as_tuple(asio::use_awaitable);

template <class Stream> class StreamConnection final {
public:
    using Self = std::shared_ptr<StreamConnection>;

    template <class... Tls>
    explicit StreamConnection(const asio::any_io_executor& executor, Tls&... tls)
        : stream_(make(executor, tls...)), timer_(executor), lookup_(executor) {}
    StreamConnection(const StreamConnection&) = delete;
    StreamConnection& operator=(const StreamConnection&) = delete;
    ~StreamConnection() = default;

    static Task<Result<void>> open(Self self, ByteStreamTarget target, Millis within) {
        self->timer_.expires_after(within);
        self->timer_.async_wait([weak = std::weak_ptr(self)](const error_code& error) {
            if (const auto alive = weak.lock(); !error && alive) {
                alive->late_ = true;
                alive->close();
            }
        });
        auto error = co_await connect(self, target);
        if constexpr (std::is_same_v<Stream, TlsStream>) {
            if (!error) {
                error = co_await shake_hands(self, target.host);
            }
        }
        self->timer_.cancel();
        if (error || self->late_) {
            self->close();
            co_return self->late_ ? fail(Code::timeout, "no connection in time")
                                  : fail(Code::network, error.message());
        }
        co_return Result<void>{};
    }

    static Task<Result<std::size_t>> read_some(Self self, std::span<char> buffer) {
        const auto [error, size] = co_await self->stream_.async_read_some(
            asio::buffer(buffer.data(), buffer.size()), k_stream_awaited
        );
        if (error) {
            co_return std::unexpected(self->end_of(error));
        }
        co_return size;
    }

    static Task<Result<void>> write(Self self, std::string_view bytes) {
        const auto [error, size] =
            co_await asio::async_write(self->stream_, asio::buffer(bytes), k_stream_awaited);
        static_cast<void>(size);
        if (error) {
            co_return std::unexpected(self->end_of(error));
        }
        co_return Result<void>{};
    }

    void close() noexcept {
        closed_ = true;
        error_code ignored;
        stream_.lowest_layer().close(ignored);
        lookup_.abandon();
        timer_.cancel();
    }

private:
    template <class... Tls> static Stream make(const asio::any_io_executor& executor, Tls&... tls) {
        if constexpr (std::is_same_v<Stream, TlsStream>) {
            return Stream(Tcp::socket(executor), tls...);
        } else {
            return Stream(executor);
        }
    }

    static Task<error_code> connect(Self self, ByteStreamTarget target) {
        if constexpr (std::is_same_v<Stream, LocalStream::socket>) {
            const auto [error] = co_await self->stream_.async_connect(
                LocalStream::endpoint(target.unix_path), k_stream_awaited
            );
            co_return error;
        } else {
            const auto [missing, found] = co_await self->lookup_.run(target.host, target.port);
            if (missing || self->closed_) {
                co_return missing ? missing : error_code(asio::error::operation_aborted);
            }
            auto& socket = self->stream_.lowest_layer();
            const auto error = co_await connect_each(
                std::shared_ptr<TcpSocket>(self, &socket), found, self->timer_.expiry()
            );
            if (!error) {
                error_code ignored;
                socket.set_option(Tcp::no_delay(true), ignored);
                socket.set_option(asio::socket_base::keep_alive(true), ignored);
            }
            co_return error;
        }
    }

    static Task<error_code> shake_hands(Self self, std::string host) {
        if constexpr (std::is_same_v<Stream, TlsStream>) {
            expect_host(self->stream_, host);
            const auto [error] =
                co_await self->stream_.async_handshake(ssl::stream_base::client, k_stream_awaited);
            co_return error;
        } else {
            co_return error_code{};
        }
    }

    [[nodiscard]] Error end_of(const error_code& error) const {
        if (closed_) {
            return {Code::cancelled, "the connection was closed"};
        }
        return {error == asio::error::eof ? Code::unavailable : Code::network, error.message()};
    }

    Stream stream_;
    asio::steady_timer timer_;
    NameLookup lookup_;
    bool late_ = false;
    bool closed_ = false;
};

template <class Stream> class StreamHandle final : public ByteStream {
public:
    explicit StreamHandle(std::shared_ptr<StreamConnection<Stream>> connection)
        : connection_(std::move(connection)) {}
    StreamHandle(const StreamHandle&) = delete;
    StreamHandle& operator=(const StreamHandle&) = delete;
    ~StreamHandle() override { connection_->close(); }

    [[nodiscard]] Task<Result<std::size_t>> read_some(std::span<char> buffer) override {
        return StreamConnection<Stream>::read_some(connection_, buffer);
    }
    [[nodiscard]] Task<Result<void>> write(std::string_view bytes) override {
        return StreamConnection<Stream>::write(connection_, bytes);
    }
    void close() noexcept override { connection_->close(); }

private:
    std::shared_ptr<StreamConnection<Stream>> connection_;
};

template <class Stream>
Task<Result<std::unique_ptr<ByteStream>>> open_on(
    std::shared_ptr<StreamConnection<Stream>> connection, ByteStreamTarget target, Millis within
) {
    OA_CO_CHECK(co_await StreamConnection<Stream>::open(connection, std::move(target), within));
    co_return std::make_unique<StreamHandle<Stream>>(std::move(connection));
}

} // namespace

Task<Result<std::unique_ptr<ByteStream>>>
open_byte_stream(asio::any_io_executor executor, ByteStreamTarget target, Millis within) {
    if (!target.unix_path.empty()) {
        co_return co_await open_on(
            std::make_shared<StreamConnection<LocalStream::socket>>(executor),
            std::move(target),
            within
        );
    }
    if (!target.secure) {
        co_return co_await open_on(
            std::make_shared<StreamConnection<Tcp::socket>>(executor), std::move(target), within
        );
    }
    OA_CO_TRY(auto tls, client_tls(target.ca_file));
    co_return co_await open_on(
        std::make_shared<StreamConnection<TlsStream>>(executor, tls), std::move(target), within
    );
}

} // namespace oa_stream::net
