// Wakes coroutines on one thread. It carries no value and no state: waiters check their condition
// again.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace oa_stream::authority {

class Signal {
public:
    explicit Signal(asio::any_io_executor executor)
        : executor_(std::move(executor)), waiters_(std::make_shared<Waiters>()) {}

    /// Returns at the next notify(), at `deadline`, or when cancelled; the caller checks which.
    [[nodiscard]] Task<void> wait_until(Clock::time_point deadline) {
        return wait(executor_, waiters_, deadline);
    }

    void notify() {
        for (asio::steady_timer* timer : *waiters_) {
            timer->cancel();
        }
    }

private:
    using Waiters = std::vector<asio::steady_timer*>;

    /// Removes itself from the list, also when its coroutine is destroyed while waiting.
    struct Entry {
        Entry(const asio::any_io_executor& executor, std::shared_ptr<Waiters> list, auto deadline)
            : timer(executor, deadline), waiters(std::move(list)) {
            waiters->push_back(&timer);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() { std::erase(*waiters, &timer); }
        asio::steady_timer timer;
        std::shared_ptr<Waiters> waiters;
    };

    static Task<void> wait(
        asio::any_io_executor executor, std::shared_ptr<Waiters> waiters, Clock::time_point deadline
    ) {
        Entry entry(executor, std::move(waiters), deadline);
        co_await entry.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }

    asio::any_io_executor executor_;
    std::shared_ptr<Waiters> waiters_;
};

/// For `co_await asio::this_coro::cancellation_state`: true when the coroutine was asked to stop.
/// It must then return without awaiting anything more (asio throws at the next co_await).
[[nodiscard]] inline bool is_set(const asio::cancellation_state& state) noexcept {
    return state.cancelled() != asio::cancellation_type::none;
}

} // namespace oa_stream::authority
