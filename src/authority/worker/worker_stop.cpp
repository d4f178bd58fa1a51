// Ways in which a turn ends other than by completing.
#include "worker_core.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

constexpr Millis k_asked_wait{500};

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
            co_await send_interrupt(core, stopped->thread(), stopped->worker_id());
            stopped->interrupt_sent = true;
            core->changed_.notify();
        }(self, live)
    );
    co_await WorkerTurn::wait_ended(live, deadline);
    if (!live->over()) {
        self->log(LogLevel::warn, fmt::format("turn {} ignored its interrupt", live->id()));
        live->end_interrupted();
    }
    while (!named && !live->interrupt_sent && !self->closing_) {
        co_await self->changed_.wait_until(Clock::now() + self->options_->deadlines.request);
    }
    const auto found = self->threads_.find(thread);
    if (found == self->threads_.end()) {
        co_return;
    }
    found->second.interrupting = found->second.interrupting && named;
    if (found->second.live == live) {
        self->release(thread);
    }
    self->changed_.notify();
}

/// Any answer is fine: the turn has ended or ends now.
Task<void> WorkerCore::send_interrupt(Self self, std::string thread, std::string turn) {
    if (Clock::now() - self->looked_ > self->options_->deadlines.fresh) {
        static_cast<void>(co_await look(self));
    }
    if (self->unknown_) {
        co_return; // the command would create a worker that never runs
    }
    WorkerCommand command{
        .method = "turn/interrupt",
        .thread = std::move(thread),
        .request = ControlClient::new_request_id()
    };
    if (!turn.empty()) {
        command.params["turn_id"] = std::move(turn);
    }
    const auto sent = co_await ControlClient::send(self->control_, std::move(command));
    if (!sent) {
        self->log(LogLevel::warn, "turn/interrupt: " + sent.error().message);
    }
}

} // namespace oa_stream::authority
