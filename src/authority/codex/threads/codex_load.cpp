// Loads a stored thread before its use.
#include "oa_stream/base/json_members.hpp"

#include "codex/codex_core.hpp"
#include "codex/codex_requests.hpp"

#include <utility>

namespace oa_stream::authority {

Task<Result<ThreadHold>> CodexCore::load_known(Self self, Link link, std::string thread) {
    OA_CO_TRY(
        ThreadHold hold,
        co_await CodexThreads::hold(&self->threads_, std::move(thread), Clock::now() + k_busy_wait)
    );
    if (!hold->loaded) {
        if (auto loaded = co_await resume(self, link, &*hold); !loaded) {
            self->threads_.forget(*hold);
            co_return std::unexpected(std::move(loaded).error());
        }
    }
    co_return hold;
}

/// Another client may have archived the thread; codex then refuses to load, copy or name it until
/// it is unarchived. Asked for a name, it answers that there is no such thread. A deleted thread
/// that waits for the end of its copies stays archived.
Task<RpcOutcome> CodexCore::call_unarchived(Self self, Link link, std::string method, Json params) {
    RpcOutcome outcome = co_await call(self, link, method, params);
    const bool unnamed =
        method == "thread/name/set" && is_refusal(outcome, RefusalKind::thread_unknown);
    if (!unnamed && !is_refusal(outcome, RefusalKind::thread_archived)) {
        co_return outcome;
    }
    const std::string thread = text_in(params, "threadId");
    auto known = co_await threads(self, {thread});
    if (!known) {
        co_return std::move(known).error();
    }
    if (known->empty()) {
        co_return Error{.code = Code::not_found, .message = "the thread is deleted"};
    }
    RpcOutcome unarchived = co_await call(self, link, "thread/unarchive", thread_params(thread));
    if (!std::holds_alternative<Json>(unarchived)) {
        co_return unarchived;
    }
    co_return co_await call(self, link, std::move(method), std::move(params));
}

/// The caller holds `thread`.
Task<Result<Json>> CodexCore::load(Self self, Link link, CodexThread* thread, bool bare) {
    const auto deadline = Clock::now() + self->options_.deadlines.load_wait;
    const Turnstile::Pass passing = co_await self->resumes_.enter(deadline);
    if (is_set(co_await asio::this_coro::cancellation_state)) {
        co_return fail(Code::cancelled, "cancelled");
    }
    if (!passing) {
        co_return fail(Code::unavailable, "codex is busy with loading other threads");
    }
    Json params = bare ? thread_resume_params(thread->id) : thread_params(thread->id);
    auto loaded = settle(
        co_await call_unarchived(self, link, "thread/resume", std::move(params)), "thread/resume"
    );
    if (!bare && !loaded && loaded.error().code == Code::too_large) {
        // The thread is loaded. Codex 0.169.0 reports the usage of the newest turn only after the
        // longer answer.
        params = thread_resume_newest_params(thread->id);
        loaded = co_await ask(self, link, "thread/resume", std::move(params));
    }
    OA_CO_TRY(Json result, std::move(loaded));
    OA_CO_TRY(ThreadFacts facts, check_thread(result, self->home_.facts));
    if (link->lost()) { // lost just now: the next connection has not loaded the thread
        co_return fail(Code::unavailable, self->reason_);
    }
    thread->model = std::move(facts.model);
    thread->effort = std::move(facts.effort);
    thread->loaded = true;
    thread->foreign = self->outlives() && runs_turn(result);
    co_return result;
}

Task<Result<void>> CodexCore::resume(Self self, Link link, CodexThread* thread) {
    OA_CO_CHECK(co_await load(self, link, thread, true));
    co_return Result<void>{};
}

} // namespace oa_stream::authority
