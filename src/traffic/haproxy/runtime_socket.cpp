#include "runtime_socket.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/net/name_lookup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <utility>

namespace oa_stream::traffic {
namespace {

using boost::system::error_code;
constexpr auto k_awaitable = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_longest_answer = 8U << 20U; // some 40,000 servers

/// Closes the connection at the deadline, so that every wait ends.
class Deadline {
    struct Shared {
        bool passed = false;
        std::function<void()> close;
    };

public:
    Deadline(const asio::any_io_executor& executor, Millis limit)
        : timer_(executor, limit), shared_(std::make_shared<Shared>()) {
        timer_.async_wait([shared = shared_](const error_code& error) {
            if (!error) {
                shared->passed = true;
                if (shared->close) {
                    shared->close();
                }
            }
        });
    }
    [[nodiscard]] bool passed() const { return shared_->passed; }

    /// Active as long as it lives.
    class Guard {
    public:
        Guard(Deadline& deadline, std::function<void()> close) : shared_(deadline.shared_) {
            shared_->close = std::move(close);
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { shared_->close = nullptr; }

    private:
        std::shared_ptr<Shared> shared_;
    };

private:
    asio::steady_timer timer_;
    std::shared_ptr<Shared> shared_;
};

template <class Socket> std::function<void()> closing(Socket& socket) {
    return [&socket] {
        error_code ignored;
        socket.close(ignored);
    };
}

std::unexpected<Error> connect_failure(const error_code& error, const std::string& address) {
    const std::string text = fmt::format("HAProxy's runtime socket: {}", error.message());
    if (error == asio::error::access_denied || error == asio::error::no_permission) {
        return fail(
            Code::credentials, text, address, "its mode and group are set on `stats socket`"
        );
    }
    const bool absent = error == asio::error::connection_refused ||
                        error == boost::system::errc::no_such_file_or_directory;
    return fail(
        absent ? Code::unavailable : Code::network,
        absent ? text + ": HAProxy does not run, or listens elsewhere" : text,
        address
    );
}

template <class Socket>
Task<Result<std::string>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
converse(Socket& socket, std::string line) {
    line += '\n'; // otherwise the answer only comes at HAProxy's own timeout
    const auto [failed, sent] = co_await asio::async_write(socket, asio::buffer(line), k_awaitable);
    if (failed) {
        co_return fail(Code::network, "cannot send to HAProxy: " + failed.message());
    }
    std::string answer;
    std::array<char, 16384> buffer{};
    while (answer.size() <= k_longest_answer) {
        const auto [error, size] =
            co_await socket.async_read_some(asio::buffer(buffer), k_awaitable);
        answer.append(buffer.data(), size);
        if (error == asio::error::eof) {
            co_return answer;
        }
        if (error) {
            co_return fail(Code::network, "HAProxy's answer broke off: " + error.message());
        }
    }
    co_return fail(Code::protocol, "HAProxy's answer does not end");
}

Task<Result<std::string>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
ask_unix(Deadline& deadline, std::string path, std::string line) {
    asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
    const Deadline::Guard guard(deadline, closing(socket));
    if (auto fault = socket_path_fault(path); !fault.empty()) {
        co_return fail(Code::usage, std::move(fault), path);
    }
    const auto [error] =
        co_await socket.async_connect(asio::local::stream_protocol::endpoint(path), k_awaitable);
    if (error) {
        co_return connect_failure(error, path);
    }
    co_return co_await converse(socket, std::move(line));
}

Task<Result<std::string>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
ask_tcp(Deadline& deadline, net::Endpoint endpoint, std::string line) {
    const auto executor = co_await asio::this_coro::executor;
    net::NameLookup lookup(executor);
    asio::ip::tcp::socket socket(executor);
    const Deadline::Guard guard(deadline, [&] {
        lookup.abandon();
        closing(socket)();
    });
    const auto [unresolved, found] =
        co_await lookup.run(endpoint.host, std::to_string(endpoint.port));
    if (unresolved) {
        co_return fail(Code::network, unresolved.message(), endpoint.text());
    }
    const auto [error, peer] = co_await asio::async_connect(socket, found, k_awaitable);
    if (error) {
        co_return connect_failure(error, endpoint.text());
    }
    co_return co_await converse(socket, std::move(line));
}

} // namespace

Task<Result<std::string>> ask_runtime(std::string address, std::string line, Millis limit) {
    Deadline deadline(co_await asio::this_coro::executor, limit);
    Result<std::string> answer = fail(Code::usage, "no path and no host:port", address);
    if (address.find('/') != std::string::npos) {
        answer = co_await ask_unix(deadline, address, std::move(line));
    } else if (const auto endpoint = net::parse_endpoint(address)) {
        answer = co_await ask_tcp(deadline, *endpoint, std::move(line));
    }
    if (!answer && deadline.passed()) {
        co_return fail(
            Code::timeout,
            fmt::format("HAProxy did not answer within {}", format_duration(limit)),
            address
        );
    }
    if (!answer && answer.error().where.empty()) {
        answer.error().where = address;
    }
    co_return answer;
}

} // namespace oa_stream::traffic
