#include "turn_feed.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace oa_stream::authority {

void TurnFeed::queue(EventBatch&& events) {
    if (!abandoned && !error_ && !queue_.push(std::move(events))) {
        // Not fail(): if the dropped events include the end, fail() would do nothing and the reader
        // would wait for ever.
        error_ =
            Error{.code = Code::too_large, .message = "more events at once than a turn may have"};
    }
    changed_.notify();
    wake();
}

void TurnFeed::fail(const Error& why) {
    if (!over()) {
        error_ = why;
        changed_.notify();
        wake();
    }
}

Task<void> TurnFeed::wait_ended(std::shared_ptr<TurnFeed> self, Clock::time_point deadline) {
    while (!self->over() && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return;
        }
    }
}

Result<bool> TurnFeed::poll(EventBatch& out, TurnWaker& waker) {
    if (!watch_) {
        watch_ = std::make_shared<Watch>();
    }
    watch_->waker = &waker;
    if (!queue_.empty()) {
        queue_.drain(out);
        return true;
    }
    if (error_) {
        return std::unexpected(*error_);
    }
    return false;
}

void TurnFeed::forget_waker() noexcept {
    if (watch_) {
        watch_->waker = nullptr;
        watch_.reset();
    }
}

/// Posted to the loop, because a batch may be queued from within a call on the turn.
void TurnFeed::wake() {
    if (watch_ && !std::exchange(watch_->due, true)) {
        asio::post(executor_, [watch = watch_] {
            watch->due = false;
            if (watch->waker != nullptr) {
                watch->waker->turn_ready();
            }
        });
    }
}

} // namespace oa_stream::authority
