#include "exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace oa_stream::net {

namespace {

auto answered_twice() {
    return fail(Code::internal, "the request was answered already");
}

/// The delivery outlives a waiter that is cancelled, and must not wake a dead timer then.
class Waiter {
public:
    Waiter(std::shared_ptr<Delivery> delivery, asio::steady_timer& timer)
        : delivery_(std::move(delivery)) {
        delivery_->waiter = &timer;
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() { delivery_->waiter = nullptr; }

private:
    std::shared_ptr<Delivery> delivery_;
};

Task<Result<void>> delivered(std::shared_ptr<Delivery> delivery) {
    if (delivery->state == Delivery::State::pending) {
        asio::steady_timer timer(co_await asio::this_coro::executor, Clock::time_point::max());
        const Waiter waiter(delivery, timer);
        (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    switch (delivery->state) {
    case Delivery::State::written:
        co_return Result<void>{};
    case Delivery::State::lost:
        co_return fail(Code::network, "the peer left before its answer was written");
    case Delivery::State::pending:
        break;
    }
    co_return fail(Code::cancelled, "the wait for the answer's delivery was cancelled");
}

/// The work is done when the call returns, awaited or not: a handler that forgets the task, or lets
/// go of the exchange first, has answered all the same.
template <class T> Task<T> at_once(T value) {
    co_return std::move(value);
}

} // namespace

void Delivery::settle(State outcome) {
    state = outcome;
    if (waiter != nullptr) {
        waiter->cancel();
    }
}

ConnectionExchange::ConnectionExchange(std::shared_ptr<Connection> connection, Request request)
    : connection_(std::move(connection)), id_(connection_->exchange()),
      request_(std::move(request)) {
}

// NOLINTNEXTLINE(bugprone-exception-escape): at most want of memory, which ends the program
ConnectionExchange::~ConnectionExchange() {
    if (!answered_) {
        connection_->abandon(id_);
    }
}

Task<Result<void>> ConnectionExchange::respond(Response response) {
    if (answered_) {
        return at_once<Result<void>>(answered_twice());
    }
    answered_ = true;
    return delivered(connection_->answer(id_, std::move(response)));
}

Task<Result<std::shared_ptr<BodyStream>>>
ConnectionExchange::start_stream(int status, Headers headers) {
    if (answered_) {
        return at_once<Result<std::shared_ptr<BodyStream>>>(answered_twice());
    }
    answered_ = true;
    return at_once(connection_->begin_stream(id_, status, headers));
}

bool ConnectionExchange::peer_gone() const noexcept {
    return connection_->peer_gone(id_);
}

} // namespace oa_stream::net
