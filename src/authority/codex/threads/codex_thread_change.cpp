// Deletes and copies threads. Measured with codex 0.169.0: a fork shares the history of its source
// thread, keeps the ids of its turns, and prevents the source from being deleted. Such a source is
// archived under a reserved name and deleted once no fork needs it.
#include "oa_stream/base/json_members.hpp"

#include "codex/codex_core.hpp"
#include "codex/codex_history.hpp"
#include "codex/codex_refusals.hpp"
#include "codex/codex_requests.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

constexpr int k_archive_page = 50;
/// Longer than a Codex needs to be started again, or its server.
constexpr int k_most_deletions = 60;
constexpr Millis k_deletion_pause{2'000};

Json archived_threads_params(const std::string& cursor) {
    Json params = Json::object(
        {{"limit", k_archive_page}, {"archived", true}, {"modelProviders", Json::array()}} // all
    );
    if (!cursor.empty()) {
        params["cursor"] = cursor;
    }
    return params;
}

} // namespace

Task<Result<void>> CodexCore::delete_thread(Self self, std::string thread) {
    for (int attempt = 1;; ++attempt) {
        OA_CO_TRY(const Link link, co_await ready_link(self));
        OA_CO_TRY(
            const ThreadHold hold,
            co_await CodexThreads::hold(&self->threads_, thread, Clock::now() + k_busy_wait)
        );
        hold->deleted = true; // a new name would overwrite the reserved one
        auto gone = co_await delete_held(self, link, &*hold);
        hold->deleted = gone.has_value();
        // A process that dies during the deletion leaves a thread with missing files: it is listed
        // but cannot be read.
        const bool retry = !gone && gone.error().code == Code::unavailable && link->lost();
        if (!retry || attempt > 1) {
            co_return gone;
        }
    }
}

Task<Result<void>> CodexCore::delete_held(Self self, Link link, CodexThread* thread) {
    RpcOutcome outcome = co_await call(self, link, "thread/delete", thread_params(thread->id));
    if (is_refusal(outcome, RefusalKind::thread_shared)) {
        Json name = thread_params(thread->id);
        name["name"] = k_retired;
        OA_CO_CHECK(settle(
            co_await call_unarchived(self, link, "thread/name/set", std::move(name)),
            "thread/name/set"
        ));
        OA_CO_CHECK(co_await ask(self, link, "thread/archive", thread_params(thread->id)));
        self->threads_.forget(*thread);
        self->retired_ = true;
        ++self->retirements_;
        co_return Result<void>{};
    }
    self->threads_.forget(*thread);
    OA_CO_CHECK(self->saved(settle(std::move(outcome), "thread/delete")));
    if (self->retired_) {
        oa_stream::spawn(self->executor_, "codex retired threads", delete_retired(self, link));
    }
    co_return Result<void>{};
}

/// Called after a copy was deleted: deletes the threads that were kept only for it.
Task<void> CodexCore::delete_retired(Self self, Link link) {
    const auto known = self->retirements_; // threads retired later may be missing in the list
    bool left = false;
    std::string cursor;
    do {
        const RpcOutcome outcome =
            co_await call(self, link, "thread/list", archived_threads_params(cursor));
        const auto* page = std::get_if<Json>(&outcome);
        const Json* data = page == nullptr ? nullptr : member(*page, "data");
        if (data == nullptr || !data->is_array()) {
            co_return;
        }
        for (const Json& thread : *data) {
            if (text_view_in(thread, "name") != k_retired) {
                continue;
            }
            const std::string id(text_view_in(thread, "id"));
            const RpcOutcome gone = co_await call(self, link, "thread/delete", thread_params(id));
            left = left || !std::holds_alternative<Json>(gone);
        }
        cursor = cursor_behind(*page, cursor);
    } while (!cursor.empty() && !self->closing_ && !link->lost());
    self->retired_ = left || !cursor.empty() || self->retirements_ != known;
}

/// Codex refuses a fork through a turn that ended with a process, because it stored no end for it.
/// It does fork before the next turn, and with all turns.
Task<Result<Json>> CodexCore::fork_before_next(Self self, Json params) {
    TurnsQuery query{.thread = text_in(params, "threadId"), .limit = 2};
    query.detail = TurnsQuery::Detail::none;
    query.from = text_in(params, "lastTurnId");
    OA_CO_TRY(const TurnsPage page, co_await turns_page(self, std::move(query)));
    if (page.turns.empty() || page.turns.front().running) {
        co_return fail(Code::conflict, "a turn is running on this thread");
    }
    params.erase("lastTurnId");
    if (page.turns.size() > 1) {
        params["beforeTurnId"] = page.turns.back().id;
    }
    co_return params;
}

Task<Result<std::string>>
CodexCore::fork_thread(Self self, std::string thread, std::string last_turn) {
    OA_CO_CHECK(self->can_save());
    OA_CO_TRY(const Link link, co_await ready_link(self));
    OA_CO_TRY(
        const ThreadHold source,
        co_await CodexThreads::hold(&self->threads_, thread, Clock::now() + k_busy_wait)
    );
    Json params = thread_fork_params(thread, last_turn, self->home_.cwd);
    RpcOutcome outcome = co_await call_unarchived(self, link, "thread/fork", params);
    if (is_refusal(outcome, RefusalKind::turn_unended)) {
        OA_CO_TRY(params, co_await fork_before_next(self, std::move(params)));
        outcome = co_await call(self, link, "thread/fork", std::move(params));
    }
    OA_CO_TRY(const Json result, settle(std::move(outcome), "thread/fork"));
    OA_CO_TRY(const ThreadFacts facts, check_thread(result, self->home_.facts));
    if (auto filled = co_await fill_copy(self, link, std::move(thread), facts); !filled) {
        self->drop_made(facts.id);
        co_return std::unexpected(std::move(filled).error());
    }
    co_return facts.id;
}

/// What Codex does not copy itself.
Task<Result<void>> CodexCore::fill_copy(Self self, Link link, std::string from, ThreadFacts facts) {
    if (link->lost()) {
        co_return fail(Code::unavailable, self->reason_);
    }
    const ThreadHold made(self->threads_.find_or_add(facts.id));
    made->model = std::move(facts.model);
    made->effort = std::move(facts.effort);
    made->loaded = true;
    made->total.reset(); // the fork starts with its source's total, which only codex has
    auto same = std::make_shared<TurnRequest>();
    OA_CO_TRY(same->keep, co_await kept(self, from));
    OA_CO_CHECK(co_await keep(self, link, made->id, std::move(same)));
    co_await copy_ends(self, link, std::move(from), self->threads_.find(made->id));
    co_return Result<void>{};
}

void CodexCore::drop_made(std::string thread) {
    oa_stream::spawn(
        executor_, "codex unused thread", delete_made(shared_from_this(), std::move(thread))
    );
}

/// It has the text of a conversation that its user may delete.
Task<void> CodexCore::delete_made(Self self, std::string thread) {
    for (int attempt = 1; !self->closing_; ++attempt) {
        const auto gone = co_await delete_thread(self, thread);
        if (gone || gone.error().code == Code::not_found) {
            co_return;
        }
        if (attempt == k_most_deletions) {
            self->log(
                LogLevel::error,
                fmt::format(
                    "thread {}, which nobody uses, is not deleted: {}", thread, gone.error().text()
                )
            );
            co_return;
        }
        co_await idle_for(self, k_deletion_pause);
    }
}

} // namespace oa_stream::authority
