// Keeping a child alive, and small; and letting it go.
#include "codex/codex_core.hpp"
#include "codex/codex_requests.hpp"

#include <algorithm>

namespace oa_stream::authority {

namespace {

/// Between two looks for idle threads: at 100 new ones a second few are let go each time.
constexpr Millis k_look{200};

} // namespace

void CodexCore::on_lost(const Error& why) {
    if (state_ != State::ready) {
        return; // while starting, the handshake fails by itself
    }
    link_.reset();
    threads_.lose_all(why);
    if (!closing_) {
        log(LogLevel::error, why.message);
    }
    set_state(State::down, why.message);
}

Task<void> CodexCore::supervise(Self self) {
    const CodexDeadlines& deadlines = self->options_.deadlines;
    Millis pause = deadlines.backoff_first;
    while (!self->closing_) {
        if (self->state_ == State::ready) {
            co_await self->changed_.wait_until(Clock::time_point::max());
            continue;
        }
        if (Clock::now() - self->ready_since_ >= deadlines.stable) {
            pause = deadlines.backoff_first;
        }
        const auto at = Clock::now() + pause;
        pause = std::min(pause * 2, deadlines.backoff_cap);
        while (!self->closing_ && Clock::now() < at) {
            co_await self->changed_.wait_until(at);
        }
        if (self->closing_) {
            break;
        }
        ++self->counts_.restarts;
        if (const auto link = co_await launch(self); !link) {
            self->log(LogLevel::error, link.error().text());
            self->set_state(State::down, link.error().text());
        }
    }
}

Task<void> CodexCore::housekeep(Self self) {
    const Millis pause = std::clamp(self->options_.deadlines.linger / 4, Millis(20), k_look);
    while (!self->closing_) {
        const auto at = Clock::now() + pause;
        while (!self->closing_ && Clock::now() < at) {
            co_await self->changed_.wait_until(at);
        }
        if (self->closing_ || !self->link_) {
            continue;
        }
        const auto surplus = self->threads_.surplus(
            Clock::now(), self->options_.deadlines.linger, self->options_.limits.loaded_threads
        );
        // One after the other: many at once would stand before every turn in codex's queue.
        const Link link = self->link_;
        for (const auto& thread : surplus) {
            if (!thread->busy && !link->lost() && !self->closing_) {
                co_await unsubscribe(self, link, ThreadHold(thread));
            }
        }
        self->recycle_when_large();
    }
}

Task<void> CodexCore::unsubscribe(Self self, Link link, ThreadHold hold) {
    hold->loaded = false;
    co_await call(self, link, "thread/unsubscribe", thread_params(hold->id));
    self->threads_.forget(*hold);
}

Task<Result<CodexCore::Link>> CodexCore::ready_link(Self self) {
    const auto deadline = Clock::now() + self->options_.deadlines.restart_wait;
    while (self->state_ != State::ready || !self->link_) {
        if (self->closing_ || self->state_ == State::closed || Clock::now() >= deadline) {
            co_return fail(Code::unavailable, self->reason_);
        }
        co_await self->changed_.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    co_return self->link_;
}

Task<void> CodexCore::close(Self self, Millis grace) {
    self->closing_ = true;
    if (const Link link = self->launching_) {
        link->kill(Error{.code = Code::unavailable, .message = "closed"});
    }
    if (const Link link = self->link_) {
        co_await CodexLink::close(link, grace);
    }
    self->set_state(State::closed, "closed");
    self->home_.lock.reset();
}

void CodexCore::abandon_everything() {
    closing_ = true;
    for (const Link& link : {launching_, link_}) {
        if (link) {
            link->kill(Error{.code = Code::unavailable, .message = "closed"});
        }
    }
    set_state(State::closed, "closed");
}

} // namespace oa_stream::authority
