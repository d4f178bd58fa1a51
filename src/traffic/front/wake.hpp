// Wakes one coroutine from callbacks of the same thread.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace oa_stream::traffic {

/// Check your condition before each wait: a notify() without a waiter is lost.
class Wake {
public:
    explicit Wake(const asio::any_io_executor& executor) : timer_(executor) {}
    void notify() { timer_.cancel(); }
    /// Waits until notify(), at most `limit`.
    [[nodiscard]] Task<void> wait(Clock::duration limit) {
        timer_.expires_after(limit);
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }

private:
    asio::steady_timer timer_;
};

} // namespace oa_stream::traffic
