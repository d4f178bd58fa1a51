#include "connect_each.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <tuple>

namespace oa_stream::net {

namespace {

using boost::system::error_code;

/// Cancels the socket's pending operations at `at`; does nothing if the timer was destroyed by
/// then.
std::shared_ptr<asio::steady_timer>
patience(const std::shared_ptr<TcpSocket>& socket, Clock::time_point at) {
    auto timer = std::make_shared<asio::steady_timer>(socket->get_executor(), at);
    timer->async_wait([socket, mine = std::weak_ptr(timer)](const error_code& error) {
        if (!error && !mine.expired()) {
            error_code ignored;
            socket->cancel(ignored);
        }
    });
    return timer;
}

} // namespace

Task<error_code> connect_each(
    std::shared_ptr<TcpSocket> socket, NameLookup::Places places, Clock::time_point until
) {
    error_code error = asio::error::not_found;
    auto left = static_cast<int>(places.size());
    for (const auto& place : places) {
        error_code ignored;
        socket->close(ignored);
        const auto now = Clock::now();
        const auto timer = left > 1 ? patience(socket, now + (until - now) / left) : nullptr;
        --left;
        std::tie(error) =
            co_await socket->async_connect(place.endpoint(), asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (!error || !socket->is_open() || state.cancelled() != asio::cancellation_type::none) {
            break;
        }
    }
    co_return error;
}

} // namespace oa_stream::net
