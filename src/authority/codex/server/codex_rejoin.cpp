// Turns on a Codex server that the operator runs: they outlive a connection and this process.
#include "oa_stream/base/json_members.hpp"

#include "codex/codex_core.hpp"
#include "codex/codex_history.hpp"
#include "codex/codex_requests.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

/// Codex 0.169.0 repeats the usage of a thread's newest turn right after its answer to
/// thread/resume, unless the provider reports no usage.
constexpr Millis k_cost_wait{500};
constexpr Millis k_cost_poll{5};

struct Nobody final : TurnWaker {
    void turn_ready() override {}
};

/// The newest turn is the last.
const Json& turns_of(const Json& resumed) {
    const Json& newest = list_in(object_in(resumed, "initialTurnsPage"), "data");
    return newest.empty() ? list_in(object_in(resumed, "thread"), "turns") : newest;
}

const Json* newest_turn(const Json& resumed) {
    const Json& turns = turns_of(resumed);
    return turns.empty() ? nullptr : &turns.back();
}

} // namespace

void CodexCore::hold_on() {
    for (const auto& thread : threads_.with_turns()) {
        thread->live->adrift();
        oa_stream::spawn(
            executor_, "codex reconnect limit", give_up(shared_from_this(), thread->live)
        );
    }
    threads_.unload_all();
}

Task<void> CodexCore::give_up(Self self, std::shared_ptr<RunningTurn> live) {
    const auto since = live->adrift_since();
    co_await sleep_for(self->options_.server.reconnect);
    if (live->adrift_since() && live->adrift_since() == since) {
        live->fail(Error{.code = Code::unavailable, .message = "the Codex server stayed away"});
    }
}

/// Resumes the thread on the new connection and continues where the lost one ended.
Task<void> CodexCore::rejoin(
    Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
) {
    if (thread->ephemeral) { // codex keeps no history of it
        live->fail(Error{.code = Code::unavailable, .message = "the connection was lost"});
    }
    Result<void> joined{};
    if (!live->failed() && !live->abandoned) {
        joined = co_await catch_up(self, link, thread.get(), live);
        // The next connection tries again. A turn that was left meanwhile is another lane's by now.
        if (link->lost() || thread->live != live) {
            co_return;
        }
    }
    if (!joined) {
        live->fail(Error{.code = Code::unavailable, .message = joined.error().message});
    }
    const bool over = (live->failed() && !live->ended()) || live->abandoned;
    // A start whose answer was lost has no turn id. An interrupt without an id could stop another
    // lane's turn on a thread that the lane knows. The next lane that uses the thread ends what is
    // left.
    const bool ours = !self->options_.server.shared || live->alone || !live->id().empty();
    if (over && ours) {
        co_await interrupt_stray(self, link, thread->id, live->id());
        if (link->lost()) {
            co_return; // the next connection tries again
        }
    }
    ++(over ? self->counts_.unjoined : self->counts_.rejoined);
    if (over) {
        self->log(
            LogLevel::warn, fmt::format("turn {} is given up: its connection was lost", live->id())
        );
        if (thread->live == live) {
            self->note_end(thread, *live);
            ThreadHold::release(*thread);
            self->threads_.forget(*thread);
        }
        co_return;
    }
    if (live->stop_wanted && !live->ended()) {
        live->interrupting = false;
        self->interrupt(live);
    }
    self->after_delivery(thread);
}

/// The caller passes a `thread` that is held by `live`.
Task<Result<void>>
CodexCore::catch_up(Self self, Link link, CodexThread* thread, std::shared_ptr<RunningTurn> live) {
    // Loads the turns too: their items and the notifications that follow on this connection are
    // consistent.
    OA_CO_TRY(const Json resumed, co_await load(self, link, thread, false));
    if (thread->live != live) {
        co_return fail(Code::cancelled, "the turn was left meanwhile");
    }
    thread->foreign = false;
    const Json* stored = turn_with_id(turns_of(resumed), live->id());
    if (stored == nullptr) {
        co_return fail(Code::unavailable, "the Codex server does not know the turn any more");
    }
    live->catch_up(*stored, runs_turn(resumed));
    self->count_foreign_input(*live);
    co_return Result<void>{};
}

Result<CodexCore::Link> CodexCore::open_server() const {
    if (!outlives()) {
        return fail(Code::not_found, "turns of a child end with it");
    }
    if (!link_) { // a read-only caller does not wait
        return fail(Code::unavailable, reason_);
    }
    return link_;
}

Task<Result<ThreadHold>> CodexCore::hold_to_join(Self self, std::string id) {
    OA_CO_TRY(
        ThreadHold hold,
        co_await CodexThreads::hold(&self->threads_, std::move(id), Clock::now() + k_busy_wait)
    );
    hold->live = std::make_shared<RunningTurn>(
        self->executor_, self->options_, hold->id, hold->model, self->approval_place(), std::nullopt
    );
    hold->live->take_client_calls(true);
    co_return hold;
}

/// Called for every page that opens a chat; the answer costs a few tenths of a millisecond.
Task<Result<bool>> CodexCore::may_join(Self self, std::string id) {
    OA_CO_TRY(const Link link, self->open_server());
    Json query = Json::object({{"threadId", std::move(id)}, {"includeTurns", false}});
    OA_CO_TRY(const Json state, co_await ask(self, link, "thread/read", std::move(query)));
    co_return runs_turn(state);
}

Task<Result<std::shared_ptr<RunningTurn>>>
CodexCore::join(Self self, std::string id, bool ask_approvals) {
    OA_CO_TRY(const Link link, self->open_server());
    OA_CO_TRY(const bool runs, co_await may_join(self, id));
    if (!runs) {
        co_return fail(Code::not_found, "no turn runs on this thread");
    }
    OA_CO_TRY(ThreadHold hold, co_await hold_to_join(self, std::move(id)));
    const auto live = hold->live;
    live->ask_approvals = ask_approvals;
    OA_CO_TRY(const Json resumed, co_await load(self, link, &*hold, false));
    const Json* newest = newest_turn(resumed);
    if (!runs_turn(resumed) || newest == nullptr ||
        text_view_in(*newest, "status") != "inProgress") {
        co_return fail(Code::not_found, "no turn runs on this thread");
    }
    hold->foreign = false;
    live->join(*newest, hold->model);
    self->count_foreign_input(*live);
    ++self->counts_.rejoined;
    self->after_delivery(hold.hand_over());
    co_return live;
}

Task<Result<void>> CodexCore::stop(Self self, std::string thread, std::string turn) {
    OA_CO_TRY(const Link link, self->open_server());
    // By its id: another turn that runs by now must not stop.
    const auto outcome =
        co_await call(self, link, "turn/interrupt", interrupt_params(thread, turn));
    if (const auto* error = std::get_if<Error>(&outcome)) {
        co_return std::unexpected(*error);
    }
    co_return Result<void>{};
}

Task<Result<EventBatch>> CodexCore::retell(Self self, std::string id, std::string turn) {
    OA_CO_TRY(const Link link, self->open_server());
    OA_CO_TRY(ThreadHold hold, co_await hold_to_join(self, std::move(id)));
    const auto live = hold->live;
    OA_CO_TRY(const Json resumed, co_await load(self, link, &*hold, false));
    const Json* newest = newest_turn(resumed);
    if (runs_turn(resumed) || newest == nullptr || text_view_in(*newest, "id") != turn ||
        text_view_in(*newest, "status") != "completed") {
        co_return fail(Code::not_found, "it is not the newest turn, or did not complete");
    }
    hold->foreign = false;
    const auto until = Clock::now() + k_cost_wait;
    while (!live->heard_early("thread/tokenUsage/updated") && !link->lost() && Clock::now() < until
    ) {
        co_await sleep_for(k_cost_poll);
    }
    live->join(*newest, hold->model);
    EventBatch out;
    Nobody nobody;
    const auto polled = live->poll(out, nobody);
    live->forget_waker();
    if (!polled || !*polled || !live->ended()) {
        co_return fail(Code::unavailable, "the Codex server does not tell the turn");
    }
    self->finish(hold.hand_over());
    co_return out;
}

/// Ends a turn that another client or an earlier process left on the thread: codex would add a new
/// turn to it as steering. The caller holds `thread`.
Task<Result<void>>
CodexCore::end_foreign_turn(Self self, Link link, CodexThread* thread, std::function<bool()> ours) {
    RpcOutcome outcome = co_await call(
        self, link, "turn/interrupt", interrupt_params(thread->id, ""), {}, std::move(ours)
    );
    const bool overloaded = is_refusal(outcome, RefusalKind::overloaded);
    if (std::holds_alternative<Refusal>(outcome) && !overloaded) {
        thread->foreign = false; // it has already ended
    } else {
        OA_CO_CHECK(settle(std::move(outcome), "turn/interrupt"));
    }
    const auto deadline = Clock::now() + k_busy_wait;
    while (thread->foreign && !link->lost() && Clock::now() < deadline) {
        co_await thread->freed.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    if (thread->foreign) {
        co_return fail(Code::conflict, "a turn is running on this thread");
    }
    co_return Result<void>{};
}

bool CodexCore::leave(const std::shared_ptr<RunningTurn>& turn) {
    const auto thread = threads_.find(turn->thread());
    turn->left = outlives() && thread && !thread->ephemeral && !turn->interrupting;
    return turn->left;
}

void CodexCore::let_go(const std::shared_ptr<RunningTurn>& turn) {
    const auto thread = threads_.find(turn->thread());
    if (thread && thread->live == turn) {
        thread->foreign = !turn->ended();
        thread->total.reset(); // only codex has the total after that turn
        ThreadHold::release(*thread);
    }
}

} // namespace oa_stream::authority
