// A one-way switch that coroutines of one thread wait for.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace oa_stream::probe {

class Latch {
public:
    explicit Latch(const asio::any_io_executor& executor) : timer_(executor) {}

    void open() {
        open_ = true;
        timer_.cancel();
    }

    /// True when it is open; false when `limit` passed first. One waiter at a time; the latch must
    /// outlive the wait.
    [[nodiscard]] Task<bool> wait(Millis limit) {
        const auto until = Clock::now() + limit;
        while (!open_ && Clock::now() < until) {
            timer_.expires_at(until);
            (void)co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return open_;
    }

private:
    asio::steady_timer timer_;
    bool open_ = false;
};

} // namespace oa_stream::probe
