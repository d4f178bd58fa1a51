// Keeps a child alive and small; releases idle threads.
#include "oa_stream/base/text.hpp"

#include "backoff.hpp"
#include "codex/codex_core.hpp"
#include "codex/codex_requests.hpp"
#include "codex/process/stderr_origin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace oa_stream::authority {

namespace {

/// Between two checks for idle threads: at 100 new ones per second each check releases a few.
constexpr Millis k_longest_look{200};

/// This process may have been stopped itself: it first reads the output that the child sent
/// meanwhile.
constexpr Millis k_catch_up{100};

} // namespace

/// A child's last stderr line: its text if the child never became ready, later only the line's
/// origin, because its text may quote a conversation.
std::string CodexCore::last_words(const CodexLink& link) const {
    std::string_view tail = trim(link.stderr_tail());
    tail = tail.substr(tail.rfind('\n') + 1);
    if (tail.empty()) {
        return {};
    }
    return fmt::format(
        "; its last line on stderr: {}",
        link_.get() == &link ? stderr_origin(tail) : printable(home_.redactor.apply(tail), 300)
    );
}

void CodexCore::on_lost(const Error& why) {
    if (state_ != State::ready) {
        return; // during the start, the handshake fails
    }
    const std::string reason = why.message + last_words(*link_);
    former_ = std::exchange(link_, {});
    counts_.timeouts += former_->rpc().timeouts();
    lived_ = std::chrono::duration_cast<Millis>(Clock::now() - ready_since_);
    if (outlives()) {
        hold_on();
    } else {
        threads_.lose_all(why);
    }
    set_state(State::down, reason);
}

Task<void> CodexCore::supervise(Self self) {
    const CodexDeadlines& deadlines = self->options_.deadlines;
    Backoff backoff(deadlines.backoff_first, deadlines.backoff_cap, deadlines.stable);
    std::minstd_rand random(std::random_device{}());
    while (!self->closing_) {
        if (self->state_ == State::ready) {
            co_await self->changed_.wait_until(Clock::time_point::max());
            continue;
        }
        const double chance = std::uniform_real_distribution<double>(0, 1)(random);
        const Millis pause = backoff.next(std::exchange(self->lived_, Millis(0)), chance);
        self->log(
            LogLevel::error,
            fmt::format(
                "{}; start {} follows in {} ms", self->reason_, backoff.tries(), pause.count()
            )
        );
        co_await idle_for(self, pause);
        if (const Link former = std::exchange(self->former_, {})) {
            co_await CodexLink::gone(former);
        }
        while (!self->closing_ && !self->full_.empty()) {
            // watch_storage restarts it
            co_await self->changed_.wait_until(Clock::time_point::max());
        }
        if (self->closing_) {
            break;
        }
        ++self->counts_.restarts;
        if (const auto link = co_await launch(self); !link) {
            self->set_state(State::down, link.error().text());
        }
    }
}

Task<void> CodexCore::idle_for(Self self, Millis time) {
    co_await idle_until(self, Clock::now() + time);
}

Task<void> CodexCore::idle_until(Self self, Clock::time_point at) {
    while (!self->closing_ && Clock::now() < at) {
        co_await self->changed_.wait_until(at);
    }
}

/// A child can be alive but stuck: stopped, swapped out, blocked on a dead disk. Any output proves
/// that it runs, so it is queried only after a silence.
Task<void> CodexCore::watch_pulse(Self self) {
    const CodexDeadlines& deadlines = self->options_.deadlines;
    while (!self->closing_) {
        co_await idle_for(self, deadlines.heartbeat);
        const Link link = self->link_;
        const auto asked = Clock::now();
        if (self->closing_ || !link || asked - link->heard() < deadlines.heartbeat) {
            continue;
        }
        const RpcOutcome outcome = co_await link->rpc().call(
            "thread/loaded/list", Json::object({{"limit", 1}}), deadlines.heartbeat_answer
        );
        const auto* error = std::get_if<Error>(&outcome);
        if (error == nullptr || error->code != Code::timeout) {
            continue;
        }
        co_await sleep_for(k_catch_up);
        if (!link->lost() && link->heard() < asked) {
            link->retire(
                Error{
                    .code = Code::unavailable,
                    .message = fmt::format(
                        "codex app-server hangs: it sent nothing for {} ms",
                        std::chrono::duration_cast<Millis>(Clock::now() - link->heard()).count()
                    )
                },
                deadlines.last_writes
            );
            self->lived_ = Millis(0); // it was not healthy, whatever its age
        }
    }
}

Task<void> CodexCore::housekeep(Self self) {
    const Millis pause =
        std::clamp(self->options_.deadlines.linger / 4, Millis(20), k_longest_look);
    while (!self->closing_) {
        co_await idle_for(self, pause);
        if (self->closing_ || !self->link_) {
            continue;
        }
        const auto surplus = self->threads_.surplus(
            Clock::now(), self->options_.deadlines.linger, self->options_.limits.loaded_threads
        );
        // One at a time: many at once would delay turns in codex's queue.
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
    while (self->compressing_) {
        co_await self->changed_.wait_until(Clock::time_point::max());
    }
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
