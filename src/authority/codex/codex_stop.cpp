// Ways in which a turn ends other than by completing.
#include "codex_core.hpp"
#include "codex_history.hpp"
#include "codex_requests.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

/// Silence after a client call until its response counts as ended. Models pause for seconds between
/// two calls.
constexpr Millis k_response_end{10'000};

} // namespace

void CodexCore::interrupt(const std::shared_ptr<RunningTurn>& turn) {
    const auto thread = threads_.find(turn->thread());
    turn->stop_wanted = true; // in case the connection is lost before this is done
    if (turn->interrupting || turn->ended() || !thread || thread->live != turn || !link_) {
        return;
    }
    turn->interrupting = true;
    oa_stream::spawn(
        executor_, "codex interrupt", stop_turn(shared_from_this(), link_, thread, turn)
    );
}

void CodexCore::abandon(const std::shared_ptr<RunningTurn>& turn) {
    turn->abandoned = true;
    // An interrupt without an id would stop whatever runs on the thread by now: where the start was
    // not answered, the client may have sent its message again, to another lane. The next lane that
    // uses the thread ends what is left.
    const bool blind = options_.server.shared && !turn->alone && turn->id().empty();
    if (blind) {
        log(LogLevel::warn,
            fmt::format("a start on thread {} is given up: codex did not answer it", turn->thread())
        );
    }
    if (turn->left || blind) {
        let_go(turn);
    } else {
        interrupt(turn);
    }
}

Task<void> CodexCore::stop_turn(
    Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
) {
    if (thread->live != live) {
        co_return; // it has ended in the meantime
    }
    // Codex stores the user's message only when the turn has reached it.
    co_await RunningTurn::wait_asked(live, Clock::now() + self->options_.deadlines.interrupt / 2);
    if (thread->live != live) {
        co_return;
    }
    const auto deadline = Clock::now() + self->options_.deadlines.interrupt;
    // Before turn/started codex refuses the turn's id and the turn continues; the empty id works.
    std::string id = live->started() ? live->id() : std::string{};
    RpcOutcome outcome =
        co_await call(self, link, "turn/interrupt", interrupt_params(live->thread(), id));
    if (std::holds_alternative<Refusal>(outcome) && thread->live == live && !id.empty()) {
        outcome = co_await call(self, link, "turn/interrupt", interrupt_params(live->thread(), ""));
    }
    if (const auto* error = std::get_if<Error>(&outcome); error && error->code == Code::timeout) {
        // The child does not react: its other turns are lost too, and only a new child helps.
        link->kill(Error{.code = Code::unavailable, .message = "codex does not answer"});
    }
    if (link->lost()) {
        co_return; // its turns have ended, or are stopped on the next connection
    }
    // The interrupt has settled them. A codex that ignored it must not wait for ever.
    answer_all(link, live->withdraw_approvals());
    while (thread->live == live && Clock::now() < deadline) {
        co_await thread->freed.wait_until(deadline);
    }
    if (thread->live == live && !link->lost()) {
        ++self->counts_.timeouts;
        self->log(LogLevel::warn, fmt::format("turn {} ignored its interrupt", live->id()));
        live->fail(Error{.code = Code::timeout, .message = "codex did not stop the turn in time"});
        thread->last_turn = live->id(); // codex would report later steering with this id
        thread->total.reset(); // the turn may cost more after this
        self->note_end(thread, *live);
        ThreadHold::release(*thread);
    }
}

Task<void> CodexCore::interrupt_stray(Self self, Link link, std::string thread, std::string turn) {
    // Any other refusal means that it has ended.
    co_await call(self, link, "turn/interrupt", interrupt_params(thread, turn));
}

/// The thread is idle but turn/completed is missing: codex's history decides.
Task<void> CodexCore::reconcile(
    Self self, Link link, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
) {
    const auto since = live->idle_since();
    co_await sleep_for(self->options_.deadlines.reconcile);
    const auto still_missing = [&] {
        return thread->live == live && !live->ended() && live->idle_since() == since;
    };
    if (!still_missing()) {
        co_return;
    }
    RpcOutcome outcome =
        co_await call(self, link, "thread/turns/list", latest_turns_params(live->thread()));
    if (!still_missing()) {
        co_return;
    }
    ++self->counts_.reconciled;
    const auto* result = std::get_if<Json>(&outcome);
    const Json* stored = result == nullptr ? nullptr : ended_turn(*result, live->id());
    self->log(
        LogLevel::warn,
        fmt::format(
            "turn {} ended without an event; history has {}",
            live->id(),
            stored ? "its end" : "nothing"
        )
    );
    if (stored == nullptr) {
        live->fail(
            Error{.code = Code::timeout, .message = "codex never reported how the turn ended"}
        );
        self->interrupt(live);
        co_return;
    }
    Json params = Json::object({{"threadId", live->thread()}, {"turn", *stored}});
    live->deliver(
        "turn/completed",
        Json::object({{"method", "turn/completed"}, {"params", std::move(params)}})
    );
    self->after_delivery(thread);
}

/// When a response ends without a notification, its open calls keep codex from reporting the end. A
/// waiting turn passes them to the client, whose results codex then gets; otherwise they are
/// answered here.
Task<void> CodexCore::await_response(
    Self self, std::shared_ptr<CodexThread> thread, std::shared_ptr<RunningTurn> live
) {
    const bool silent = co_await RunningTurn::wait_silent(live, k_response_end);
    live->awaited = false;
    if (!silent || thread->live != live || !self->link_) {
        co_return;
    }
    self->log(LogLevel::info, fmt::format("turn {} is silent behind a call", live->id()));
    for (ClientCalls::Reply& reply : live->end_response()) {
        self->link_->rpc().answer(reply.request, std::move(reply.body));
    }
    self->after_delivery(thread);
}

} // namespace oa_stream::authority
