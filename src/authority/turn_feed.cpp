#include "turn_feed.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

void TurnFeed::queue(EventBatch&& events) {
    if (!abandoned && !error_ && !queue_.push(std::move(events))) {
        fail(Error{.code = Code::too_large, .message = "the events of this turn were not fetched"});
    }
    changed_.notify();
}

void TurnFeed::fail(const Error& why) {
    if (!over()) {
        error_ = why;
        changed_.notify();
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

Task<Result<EventBatch>> TurnFeed::next(std::shared_ptr<TurnFeed> self) {
    while (true) {
        if (!self->queue_.empty()) {
            co_return self->queue_.take();
        }
        if (const auto& error = self->error_) {
            co_return std::unexpected(*error);
        }
        const Expiry expiry = self->expiry();
        if (Clock::now() >= expiry.at) {
            co_return oa_stream::fail(
                Code::timeout,
                fmt::format("{} went past the {} deadline", self->who_, expiry.what),
                expiry.what
            );
        }
        co_await self->changed_.wait_until(expiry.at);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return oa_stream::fail(Code::cancelled, "cancelled");
        }
    }
}

} // namespace oa_stream::authority
