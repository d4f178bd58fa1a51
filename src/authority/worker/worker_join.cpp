// Joins a turn that runs without a handle in this process: a killed lane or another client started
// it.
#include "oa_stream/base/json_members.hpp"

#include "control/control_answers.hpp"
#include "worker_core.hpp"

namespace oa_stream::authority {

namespace {

/// The newest turn, while it runs. Null when the worker lists no turns.
const Json* running_turn_in(const Json& response) {
    const Json& turns = list_in(thread_in(response), "turns");
    const bool runs = thread_runs(response) && !turns.empty() &&
                      text_view_in(turns.back(), "status") == "inProgress";
    return runs ? &turns.back() : nullptr;
}

} // namespace

/// Called for every page that opens a chat, and each command counts towards the limit of 60 per
/// minute. So the worker is queried only about threads on which a turn may have started unnoticed.
Task<Result<WorkerCore::Live>> WorkerCore::join(Self self, std::string thread) {
    const auto known = self->threads_.find(thread);
    if (known != self->threads_.end() && (known->second.taken() || known->second.known ||
                                          known->second.quiet || known->second.strays())) {
        co_return fail(Code::not_found, "no turn runs on this thread");
    }
    OA_CO_CHECK(co_await ready(self));
    self->make_room();
    WorkerThread& entry = self->threads_[thread];
    if (entry.taken()) {
        co_return fail(Code::not_found, "no turn runs on this thread");
    }
    entry.busy = true;
    entry.quiet = true; // until a turn starts there
    auto live = std::make_shared<WorkerTurn>(
        self->executor_,
        *self->options_,
        WorkerTurn::Begin{
            .thread = thread,
            .request = ControlClient::new_request_id(),
            .model = entry.model.empty() ? self->options_->model : entry.model,
            .after_seq = self->sequence_.next() - 1
        }
    );
    live->ran_at = self->worker_.latest_seq;
    entry.live = live; // later events follow the state read below
    const auto response = co_await read_thread(self, thread);
    const Json* turn = response ? running_turn_in(*response) : nullptr;
    if (turn == nullptr) {
        self->threads_[thread].quiet = response.has_value() && live->early_turn().empty();
        live->end(turn::FailureCode::authority_lost, "none runs");
        self->release(thread);
        co_return response ? fail(Code::not_found, "no turn runs on this thread")
                           : std::unexpected(response.error());
    }
    live->join(*turn, text_in(thread_in(*response), "cwd"));
    if (live->over()) {
        self->release(thread);
    }
    co_return live;
}

} // namespace oa_stream::authority
