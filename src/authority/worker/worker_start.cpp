// A turn, from its request to its receipt.

#include "control/control_answers.hpp"
#include "worker_core.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_busy_wait{2'000}; ///< for an interrupted turn's end
constexpr Millis k_stray{60'000}; ///< the service may hold a command for this long
constexpr std::size_t k_most_threads = 10'000;

Result<void> check_request(const TurnRequest& request) {
    if (request.revert_from_turn || !request.seed.empty()) {
        return fail(
            Code::precondition, "a worker can neither replace messages nor take earlier ones"
        );
    }
    if (!request.instructions.empty() || !request.developer.empty() || request.output_schema) {
        return fail(Code::usage, "a worker takes no instructions and no output schema");
    }
    if (request.input.empty()) {
        return fail(Code::usage, "a turn needs input");
    }
    for (const InputPart& part : request.input) {
        if (!std::holds_alternative<InputText>(part)) {
            return fail(Code::usage, "a worker takes no images");
        }
    }
    return {};
}

/// The model for a turn or a new thread; empty: the worker's own.
const std::string& wanted_model(const TurnRequest& request, const WorkerOptions& options) {
    return request.model.empty() ? options.model : request.model;
}

/// The control service trims `text`; the desktop worker prefers `input`, which has every part
/// unchanged.
Json turn_params(const TurnRequest& request, const std::string& model) {
    Json input = Json::array();
    std::string text;
    for (const InputPart& part : request.input) {
        const auto& piece = std::get<InputText>(part).text;
        text += text.empty() ? piece : "\n\n" + piece;
        input.push_back(Json::object({{"type", "text"}, {"text", piece}}));
    }
    Json params = Json::object({{"text", std::move(text)}, {"input", std::move(input)}});
    if (!model.empty()) {
        params["model"] = model;
    }
    if (!request.effort.empty()) {
        params["effort"] = request.effort;
    }
    return params;
}

} // namespace

/// Checks that events can be received and that the worker runs. A command for an unknown worker
/// would create one that never runs.
Task<Result<void>> WorkerCore::ready(Self self) {
    if (self->closing_ || !self->opened_) {
        co_return fail(Code::unavailable, "the authority is closed");
    }
    if (!self->link_->up()) {
        co_return fail(Code::unavailable, self->link_->reason());
    }
    if (Clock::now() - self->looked_ > self->options_->deadlines.fresh || !self->trouble_.empty() ||
        !self->sequence_.known()) {
        if (auto seen = co_await look(self); !seen) {
            auto error = std::move(seen).error();
            // the worker is unknown, which says nothing about its threads
            if (error.code == Code::not_found) {
                error.code = Code::unavailable;
            }
            co_return std::unexpected(std::move(error));
        }
    }
    if (auto why = self->control_->commands_refusal(); !why.empty()) {
        co_return fail(Code::unavailable, std::move(why));
    }
    if (!self->trouble_.empty()) {
        co_return fail(Code::unavailable, self->trouble_);
    }
    if (!self->link_->up()) {
        co_return fail(Code::unavailable, self->link_->reason());
    }
    co_return Result<void>{};
}

Task<Result<WorkerCore::Live>> WorkerCore::start(Self self, TurnRequest request) {
    OA_CO_CHECK(check_request(request));
    OA_CO_CHECK(co_await ready(self));
    auto live = co_await begin(self, std::move(request));
    if (!live) {
        self->want_look(); // a snapshot may show why
    }
    co_return live;
}

/// Decides the price when nothing else can change the thread: thread/start or thread/resume alone
/// would use up the minute without an answer for anybody.
Task<Result<WorkerCore::Live>> WorkerCore::begin(Self self, TurnRequest request) {
    std::string thread = request.thread.value_or("");
    if (request.thread) {
        OA_CO_CHECK(co_await hold_thread(self, thread));
    }
    const bool loaded = request.thread && self->threads_[thread].known;
    auto reserved = ControlClient::reserve(self->control_, loaded ? 1 : 2);
    if (!reserved) {
        self->release(thread);
        co_return std::unexpected(std::move(reserved).error());
    }
    const Room room = *std::move(reserved);
    if (!request.thread) {
        const std::string model = wanted_model(request, *self->options_);
        OA_CO_TRY(thread, co_await new_thread(self, request.traceparent, model, room));
        self->threads_[thread].busy = true;
    } else if (!loaded) {
        OA_CO_CHECK(co_await resume(self, thread, room));
    }
    auto live = co_await run_turn(self, thread, request, room);
    // the worker has unloaded it since
    if (!live && live.error().where == ControlClient::k_thread) {
        self->threads_[thread].known = false;
        self->threads_[thread].live.reset();
        OA_CO_CHECK(co_await resume(self, thread, room));
        live = co_await run_turn(self, thread, std::move(request), room);
    }
    if (!live) {
        self->release(thread);
    }
    co_return live;
}

Task<Result<std::string>> WorkerCore::make_thread(Self self) {
    OA_CO_CHECK(co_await ready(self));
    co_return co_await new_thread(self, {}, self->options_->model, nullptr);
}

Task<Result<std::string>>
WorkerCore::new_thread(Self self, std::string trace, std::string model, Room room) {
    WorkerCommand command{
        .method = "thread/start",
        .request = ControlClient::new_request_id(),
        .traceparent = std::move(trace)
    };
    if (!model.empty()) {
        command.params["model"] = std::move(model);
    }
    OA_CO_TRY(
        const Json response,
        co_await ControlClient::send(self->control_, std::move(command), std::move(room))
    );
    const auto id = thread_of(response);
    if (id.empty()) {
        co_return fail(Code::protocol, "the worker started a thread without an id");
    }
    self->make_room();
    WorkerThread& thread = self->threads_[id];
    thread.known = true;
    thread.total = turn::Usage{};
    thread.model = text_of_response(response, "model");
    thread.cwd = text_of_response(response, "cwd");
    co_return id;
}

void WorkerCore::make_room() {
    if (threads_.size() >= k_most_threads) {
        std::erase_if(threads_, [](const auto& entry) { return !entry.second.taken(); });
    }
}

/// Reserves the thread for one turn.
Task<Result<void>> WorkerCore::hold_thread(Self self, std::string thread) {
    const auto deadline = Clock::now() + k_busy_wait;
    while (self->threads_[thread].taken()) {
        if (Clock::now() >= deadline) {
            co_return fail(Code::conflict, "a turn is running on this thread");
        }
        co_await self->changed_.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    self->threads_[thread].busy = true;
    co_return Result<void>{};
}

/// Codex would add the message to the turn that runs there, started by a killed lane or another
/// client. As everywhere, a new message ends a turn without a reader.
Task<Result<void>> WorkerCore::end_other(Self self, std::string thread, std::uint64_t endings) {
    const auto deadline = Clock::now() + k_busy_wait;
    co_await send_interrupt(self, thread, "", deadline);
    while (self->threads_[thread].endings == endings) {
        if (Clock::now() >= deadline) {
            self->threads_[thread].known = self->threads_[thread].quiet = false;
            self->release(thread);
            co_return fail(Code::conflict, "a turn is running on this thread");
        }
        co_await self->changed_.wait_until(deadline);
    }
    co_return Result<void>{};
}

Task<Result<void>> WorkerCore::resume(Self self, std::string thread, Room room) {
    const auto endings = self->threads_[thread].endings;
    auto resumed = co_await ControlClient::send(
        self->control_,
        {.method = "thread/resume", .thread = thread, .request = ControlClient::new_request_id()},
        std::move(room)
    );
    if (!resumed) {
        self->release(thread);
        co_return std::unexpected(std::move(resumed).error());
    }
    self->threads_[thread].known = true;
    self->threads_[thread].cwd = text_of_response(*resumed, "cwd");
    co_return thread_runs(*resumed) ? co_await end_other(self, std::move(thread), endings)
                                    : Result<void>{};
}

/// The turn has no reader any more: it is stopped, even if it starts later.
void WorkerCore::leave_stray(const Live& live) {
    WorkerThread& thread = threads_[live->thread()];
    thread.known = false; // the next resume shows its state
    if (auto turn = live->early_turn(); !turn.empty()) {
        spawn_interrupt(live->thread(), std::move(turn));
    } else {
        thread.stray_after = live->after_seq();
        thread.stray_until = Clock::now() + k_stray;
    }
}

Task<Result<WorkerCore::Live>>
WorkerCore::run_turn(Self self, std::string thread, TurnRequest request, Room room) {
    if (!self->link_->up()) { // lost while the thread was created or resumed
        co_return fail(Code::unavailable, self->link_->reason());
    }
    const std::string model = wanted_model(request, *self->options_);
    WorkerCommand command{
        .method = "turn/start",
        .params = turn_params(request, model),
        .thread = thread,
        .request = ControlClient::new_request_id(),
        .traceparent = request.traceparent
    };
    WorkerThread& entry = self->threads_[thread];
    auto live = std::make_shared<WorkerTurn>(
        self->executor_,
        *self->options_,
        WorkerTurn::Begin{
            .thread = thread,
            .request = command.request,
            // The worker reports the thread's model, which may be the default or an earlier choice.
            .model = request.model.empty() && !entry.model.empty() ? entry.model : model,
            .cwd = entry.cwd,
            .baseline = entry.total,
            .after_seq = self->sequence_.next() - 1
        }
    );
    live->ran_at = self->worker_.latest_seq;
    entry.live = live;
    self->applied_ = Clock::now();
    self->changed_.notify();
    auto response =
        co_await ControlClient::send(self->control_, std::move(command), std::move(room));
    if (!response) {
        const Error& error = response.error();
        if (error.code == Code::timeout || error.code == Code::cancelled ||
            error.where == ControlClient::k_unclear) {
            self->leave_stray(live);
        }
        live->end(turn::FailureCode::authority_lost, "its start failed");
        co_return std::unexpected(std::move(response).error());
    }
    live->accept(turn_of(*response));
    // a turn that starts from now on is this one or another client's
    self->threads_[thread].stray_after.reset();
    if (live->over()) {
        self->release(thread);
    }
    co_return live;
}

} // namespace oa_stream::authority
