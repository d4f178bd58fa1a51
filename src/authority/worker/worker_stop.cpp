// Ways in which a turn ends other than by completing.
#include "worker_core.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

constexpr Millis k_asked_wait{500};
constexpr Millis k_first_pause{1'000};
constexpr Millis k_longest_pause{10'000};
constexpr Millis k_tries{600'000}; ///< a service that is away for longer needs a person

/// Refused by a limit or for its token, which another one may replace, or lost on its way.
bool is_passing(const Error& error) {
    return error.code == Code::timeout || error.code == Code::credentials ||
           error.where == ControlClient::k_unclear || retry_after_of(error).has_value();
}

} // namespace

void WorkerCore::interrupt(const Live& live) {
    if (live->interrupting || live->finished() || !live->accepted()) {
        return;
    }
    live->interrupting = true;
    oa_stream::spawn(executor_, "worker interrupt", stop_turn(shared_from_this(), live));
}

void WorkerCore::abandon(const Live& live) {
    live->abandoned = true;
    interrupt(live);
}

/// Has a deadline: a service that hangs must not keep readers waiting for the end.
Task<void> WorkerCore::stop_turn(Self self, Live live) {
    const auto deadline = Clock::now() + self->options_->deadlines.interrupt;
    // Codex stores the user's message only when the turn has reached it.
    co_await WorkerTurn::wait_asked(live, Clock::now() + k_asked_wait);
    if (live->finished()) {
        co_return;
    }
    // The receipt's id may be invented, so without the worker's own id the interrupt stops whatever
    // runs on the thread. No other turn may start there until then.
    const bool named = !live->worker_id().empty();
    const std::string thread = live->thread();
    if (const auto stopped = self->threads_.find(thread);
        !named && stopped != self->threads_.end()) {
        if (stopped->second.busy && stopped->second.live != live) {
            live->end_interrupted();
            co_return; // the next turn has the thread: its start ended the old turn
        }
        stopped->second.interrupting = true;
    }
    oa_stream::spawn(
        self->executor_,
        "worker interrupt command",
        [](Self core, Live stopped) -> Task<void> {
            co_await send_interrupt(
                core, stopped->thread(), stopped->worker_id(), Clock::now() + k_tries
            );
            stopped->interrupt_sent = true;
            core->changed_.notify();
        }(self, live)
    );
    co_await WorkerTurn::wait_ended(live, deadline);
    const bool runs_on = !live->over();
    if (runs_on) {
        self->log(
            LogLevel::warn,
            fmt::format(
                "turn {} {}",
                live->id(),
                live->interrupt_sent ? "ignored its interrupt" : "is not interrupted yet"
            )
        );
        live->end_interrupted();
    }
    while (!named && !live->interrupt_sent && !self->closing_) {
        co_await self->changed_.wait_until(Clock::now() + self->options_->deadlines.request);
    }
    const auto found = self->threads_.find(thread);
    if (found == self->threads_.end()) {
        co_return;
    }
    if (runs_on) { // the worker would add the next message to it, unless the thread is resumed
        found->second.known = found->second.quiet = false;
    }
    found->second.interrupting = found->second.interrupting && named;
    if (found->second.live == live) {
        self->release(thread);
    }
    self->changed_.notify();
}

void WorkerCore::spawn_interrupt(std::string thread, std::string turn) {
    oa_stream::spawn(
        executor_,
        "worker stray turn",
        send_interrupt(
            shared_from_this(), std::move(thread), std::move(turn), Clock::now() + k_tries
        )
    );
}

/// A turn that is not stopped continues and costs money. So an interrupt that the service refuses
/// for the moment is sent again, under the same request id, until the service accepts it or the
/// worker reports the end of a turn on that thread.
Task<void> WorkerCore::send_interrupt(
    Self self, std::string thread, std::string turn, Clock::time_point until
) {
    WorkerCommand command{
        .method = "turn/interrupt", .thread = thread, .request = ControlClient::new_request_id()
    };
    if (!turn.empty()) {
        command.params["turn_id"] = std::move(turn);
    }
    const auto endings = [&] {
        const auto found = self->threads_.find(thread);
        return found == self->threads_.end() ? 0 : found->second.endings;
    };
    const auto over = [&, before = endings()] { return self->closing_ || endings() != before; };
    for (Millis pause = k_first_pause;; pause = std::min(pause * 2, k_longest_pause)) {
        if (Clock::now() - self->looked_ > self->options_->deadlines.fresh) {
            static_cast<void>(co_await look(self));
        }
        if (self->unknown_) {
            co_return; // the command would create a worker that never runs
        }
        const auto sent = co_await ControlClient::send(self->control_, command);
        if (sent) {
            co_return;
        }
        const auto stated = std::chrono::seconds(retry_after_of(sent.error()).value_or(0));
        const auto next = Clock::now() + std::max<Millis>(pause, stated);
        const auto rests = [&] { return !self->control_->commands_refusal().empty(); };
        const bool again = (rests() || is_passing(sent.error())) && next < until;
        self->log(
            LogLevel::warn,
            fmt::format(
                "turn/interrupt: {}{}",
                sent.error().message,
                again ? "; it is sent again" : "; the turn may go on"
            )
        );
        while (again && !over() && Clock::now() < (rests() ? until : next)) {
            co_await self->changed_.wait_until(std::max(next, Clock::now() + k_first_pause));
        }
        if (!again || over() || Clock::now() >= until) {
            co_return;
        }
    }
}

} // namespace oa_stream::authority
