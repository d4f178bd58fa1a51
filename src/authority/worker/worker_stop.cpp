// Ways a turn ends other than by itself.
#include "worker_core.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

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

Task<void> WorkerCore::stop_turn(Self self, Live live) {
    const auto deadline = Clock::now() + self->options_->deadlines.interrupt;
    WorkerCommand command{
        .method = "turn/interrupt",
        .thread = live->thread(),
        .request = ControlClient::new_request_id()
    };
    // The receipt's id may be invented: without one the worker stops what runs on the thread.
    if (!live->worker_id().empty()) {
        command.params["turn_id"] = live->worker_id();
    }
    auto sent = co_await ControlClient::send(self->control_, std::move(command));
    if (!sent) {
        self->log(LogLevel::warn, "turn/interrupt: " + sent.error().message);
    }
    co_await WorkerTurn::wait_ended(live, deadline);
    if (!live->over()) {
        self->log(LogLevel::warn, fmt::format("turn {} ignored its interrupt", live->id()));
        live->end_interrupted();
    }
    const auto found = self->threads_.find(live->thread());
    if (found != self->threads_.end() && found->second.live == live) {
        self->release(live->thread());
    }
}

Task<void> WorkerCore::stop_stray(Self self, std::string thread, std::string turn) {
    WorkerCommand command{
        .method = "turn/interrupt",
        .thread = std::move(thread),
        .request = ControlClient::new_request_id()
    };
    command.params["turn_id"] = std::move(turn);
    // Any answer is fine: it has ended, or it ends now.
    static_cast<void>(co_await ControlClient::send(self->control_, std::move(command)));
}

} // namespace oa_stream::authority
