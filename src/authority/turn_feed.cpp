#include "turn_feed.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {
namespace {

constexpr Millis k_late{500};
constexpr Millis k_catch_up{1000}; ///< also for who sends, when it stood still, too

} // namespace

void TurnFeed::queue(EventBatch&& events) {
    caught_up_ = false;
    if (!abandoned && !error_ && !queue_.push(std::move(events))) {
        // Not by fail(): the end may be among them, and nobody would be told of any.
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

TurnFeed::Expiry TurnFeed::expiry() const {
    const Expiry whole{began_ + limits_.turn, "turn"};
    if (waits_for_client()) {
        return whole;
    }
    const Expiry silence = content_ ? Expiry{last_event_ + limits_.idle, "idle"}
                                    : Expiry{began_ + limits_.first_event, "first_event"};
    return whole.at < silence.at ? whole : silence;
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
        watch_ = std::make_shared<Watch>(executor_);
    }
    watch_->waker = &waker;
    if (!queue_.empty()) {
        queue_.drain(out);
        return true;
    }
    if (error_) {
        return std::unexpected(*error_);
    }
    const Expiry next = expiry();
    const auto late = Clock::now() - next.at;
    // Looked at so late, this process stood still: what came meanwhile is read first.
    if (late > k_late && !std::exchange(caught_up_, true)) {
        arm(Clock::now() + k_catch_up);
        return false;
    }
    if (late >= Millis(0)) {
        Error why{
            Code::timeout, fmt::format("{} went past the {} deadline", who_, next.what), next.what
        };
        fail(why);
        return std::unexpected(std::move(why));
    }
    arm(next.at);
    return false;
}

void TurnFeed::forget_waker() noexcept {
    if (watch_) {
        watch_->waker = nullptr;
        watch_->timer.cancel();
        watch_.reset();
    }
}

/// Soon: a batch may be queued from within a call of the turn's.
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

/// A timer that fires too early is cheaper than one that is set again for each event.
void TurnFeed::arm(Clock::time_point at) {
    if (watch_->armed <= at) {
        return;
    }
    watch_->armed = at;
    watch_->timer.expires_at(at);
    watch_->timer.async_wait([watch = watch_](const boost::system::error_code& error) {
        if (!error && watch->waker != nullptr) {
            watch->armed = Clock::time_point::max();
            watch->waker->turn_ready();
        }
    });
}

} // namespace oa_stream::authority
