#include "exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace oa_stream::net {

namespace {

auto answered_twice() {
    return fail(Code::internal, "the request was answered already");
}

/// A Delivery or BodyRead outlives a cancelled waiter, and must not wake a destroyed timer then.
template <class Awaited> class Waiter {
public:
    Waiter(std::shared_ptr<Awaited> awaited, asio::steady_timer& timer)
        : awaited_(std::move(awaited)) {
        awaited_->waiter = &timer;
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() { awaited_->waiter = nullptr; }

private:
    std::shared_ptr<Awaited> awaited_;
};

template <class Awaited> Task<void> settled(std::shared_ptr<Awaited> awaited) {
    if (awaited->pending()) {
        asio::steady_timer timer(co_await asio::this_coro::executor, Clock::time_point::max());
        const Waiter waiter(awaited, timer);
        (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

Task<Result<void>> delivered(std::shared_ptr<Delivery> delivery) {
    co_await settled(delivery);
    switch (delivery->state) {
    case Delivery::State::written:
        co_return Result<void>{};
    case Delivery::State::lost:
        co_return fail(Code::network, "the peer left before its answer was written");
    case Delivery::State::late:
        co_return fail(Code::timeout, "the peer did not read its answer in time");
    case Delivery::State::cut:
        co_return fail(Code::cancelled, "the server cut the answer");
    case Delivery::State::pending:
        break;
    }
    co_return fail(Code::cancelled, "the wait for the answer's delivery was cancelled");
}

/// The work is done when the call returns, whether or not the task is awaited: a handler that drops
/// the task, or the exchange, has answered all the same.
template <class T> Task<T> at_once(T value) {
    co_return std::move(value);
}

} // namespace

void Delivery::settle(State outcome, std::uint64_t body_bytes) {
    state = outcome;
    body_sent = body_bytes;
    if (waiter != nullptr) {
        waiter->cancel();
    }
}

ConnectionExchange::ConnectionExchange(
    std::shared_ptr<Connection> connection, Request request, bool whole
)
    : connection_(std::move(connection)), id_(connection_->exchange()),
      request_(std::move(request)), body_read_(whole) {
}

ConnectionExchange::~ConnectionExchange() {
    if (!answered_) {
        connection_->abandon(id_);
    }
}

Task<Result<void>>
ConnectionExchange::read_body(std::unique_ptr<BodySieve> sieve, std::string owner) {
    if (sieve ? request_.body_beyond_sieves : request_.body_too_large) {
        return at_once<Result<void>>(fail(Code::too_large, "the body is too large"));
    }
    if (std::exchange(body_read_, true)) {
        return at_once<Result<void>>({});
    }
    return take_body(connection_->read_body(id_, std::move(sieve), std::move(owner)));
}

Task<Result<void>> ConnectionExchange::take_body(std::shared_ptr<BodyRead> read) {
    co_await settled(read);
    auto outcome = std::exchange(read->outcome, std::nullopt);
    if (!outcome) {
        co_return fail(Code::cancelled, "the wait for the body was cancelled");
    }
    OA_CO_TRY(request_.body, *std::move(outcome));
    share_ = std::move(read->share);
    co_return Result<void>{};
}

void ConnectionExchange::drop_body() {
    std::string().swap(request_.body); // assigning would keep the memory
    share_.release();
}

Task<Result<void>> ConnectionExchange::respond(Response response) {
    if (answered_) {
        return at_once<Result<void>>(answered_twice());
    }
    answered_ = true;
    delivery_ = connection_->answer(id_, std::move(response));
    return delivered(delivery_);
}

std::uint64_t ConnectionExchange::body_sent() const noexcept {
    return delivery_ ? delivery_->body_sent : 0;
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

bool ConnectionExchange::connection_lost() const noexcept {
    return connection_->closed();
}

} // namespace oa_stream::net
