// Messages that codex sends on its own: routes notifications to their turns and answers requests.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/health/codex_storage.hpp"
#include "codex_answers.hpp"
#include "codex_approval_details.hpp"
#include "codex_core.hpp"
#include "codex_requests.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

std::string_view turn_of(const Json& params) {
    const Json* turn = member(params, "turn");
    return turn == nullptr ? text_view_in(params, "turnId") : text_view_in(*turn, "id");
}

bool is_stray(const RunningTurn* live, std::string_view started) {
    if (live == nullptr) {
        return true;
    }
    return live->id().empty() ? live->abandoned : live->id() != started;
}

/// Another client archived the thread or tried to delete it; codex sends no other end to the
/// clients that had it loaded.
bool says_unloaded(std::string_view method, const Json& params) {
    return method == "thread/status/changed" &&
           text_view_in(object_in(params, "status"), "type") == "notLoaded";
}

/// When the last exhausted limit of the account ends, in Unix seconds.
std::optional<std::int64_t> end_of_limits(const Json& params) {
    std::optional<std::int64_t> end;
    for (const char* name : {"primary", "secondary"}) {
        const Json& window = object_in(object_in(params, "rateLimits"), name);
        const auto at = int_member(window, "resetsAt").value_or(0);
        if (number_in(window, "usedPercent").value_or(0) >= 100 && at > end.value_or(0)) {
            end = at;
        }
    }
    return end;
}

} // namespace

/// Handles notifications about a thread, whichever client runs its turn. True: fully handled.
bool CodexCore::note_thread(
    std::string_view method, const Json& params, const std::shared_ptr<CodexThread>& thread
) {
    if (method == "thread/closed") {
        thread->loaded = false;
        return true;
    }
    thread->loaded = thread->loaded && !says_unloaded(method, params);
    if (method == "thread/settings/updated") { // also for another lane's turn
        thread->effort = text_in(object_in(params, "threadSettings"), "effort");
        return true;
    }
    if (method == "error" && bool_member(params, "willRetry").value_or(false)) {
        ++counts_.upstream_retries;
    }
    const std::shared_ptr<RunningTurn> live = thread->live;
    if (method == "turn/completed" && thread->foreign && !live) {
        thread->foreign = false;
        thread->freed.notify();
    }
    if (method == "turn/started" && options_.server.shared && !live) {
        // Another lane's turn. Codex would add a turn of ours to it as steering.
        thread->foreign = true;
        thread->last_turn.clear();
        thread->total.reset(); // only codex has the total after that turn
        return true;
    }
    if (method == "turn/started" && is_stray(live.get(), turn_of(params))) {
        // A turn/start that was abandoned has started after all; no client reads it.
        ++counts_.stray_turns;
        const std::string id(turn_of(params));
        if (link_) {
            oa_stream::spawn(
                executor_,
                "codex stray turn",
                interrupt_stray(shared_from_this(), link_, thread->id, id)
            );
        }
        if (live && live->id().empty()) {
            live->bind(id); // its end frees the thread
        }
    }
    return false;
}

void CodexCore::on_notification(std::string_view method, const Json& message) {
    const Json* params = member(message, "params");
    if (params == nullptr) {
        return;
    }
    if (method == "warning") {
        // Arrives before turn/completed, which would report success.
        if (const auto why = save_failure_in_warning(text_view_in(*params, "message"))) {
            cannot_save(text_view_in(*params, "threadId"), *why);
        }
    }
    if (method == "account/rateLimits/updated") {
        limit_ends_ = end_of_limits(*params);
        return;
    }
    const auto thread = threads_.find(text_view_in(*params, "threadId"));
    if (!thread) {
        if (method == "configWarning") {
            log(LogLevel::warn, fmt::format("codex: {}", text_view_in(*params, "summary")));
        }
        return; // threads of sub-agents, and released threads
    }
    const std::shared_ptr<RunningTurn> live = thread->live;
    if (note_thread(method, *params, thread) || !live) {
        return;
    }
    if (method == "serverRequest/resolved") {
        const Json* request = member(*params, "requestId");
        live->approval_resolved(request == nullptr ? Json() : *request);
        return;
    }
    live->limit_ends = limit_ends_;
    live->deliver(method, message);
    count_foreign_input(*live);
    after_delivery(thread);
}

void CodexCore::count_foreign_input(RunningTurn& live) {
    counts_.foreign_inputs += std::exchange(live.foreign_input, false) ? 1 : 0;
}

void CodexCore::after_delivery(const std::shared_ptr<CodexThread>& thread) {
    const std::shared_ptr<RunningTurn> live = thread->live;
    if (!live) {
        return;
    }
    if (link_) {
        answer_all(link_, live->take_ended_approvals());
    }
    if (live->ended()) {
        finish(thread);
        return;
    }
    if ((live->failed() || live->handed_over()) && !live->interrupting) {
        interrupt(live); // its queue overflowed, or the turn ended at client calls: stop codex too
    }
    if (live->end_missing() && !std::exchange(live->awaited, true)) {
        oa_stream::spawn(
            executor_, "codex response", await_response(shared_from_this(), thread, live)
        );
    }
    if (live->idle_since() && live->idle_since() != live->watched && link_) {
        live->watched = live->idle_since();
        oa_stream::spawn(
            executor_, "codex reconcile", reconcile(shared_from_this(), link_, thread, live)
        );
    }
}

void CodexCore::finish(const std::shared_ptr<CodexThread>& thread) {
    const std::shared_ptr<RunningTurn> live = thread->live;
    thread->total = live->total_usage();
    counts_.text_mismatches += live->text_mismatches();
    thread->last_turn = live->id();
    note_end(thread, *live);
    ThreadHold::release(*thread);
    // Failed turns are skipped: they may be missing in the history.
    if (!thread->ephemeral && !live->failed() && link_ && !std::exchange(history_checked_, true)) {
        oa_stream::spawn(
            executor_,
            "codex history check",
            check_history(shared_from_this(), link_, thread, live->id())
        );
    }
    if (thread->ephemeral && link_) {
        oa_stream::spawn(
            executor_,
            "codex unsubscribe",
            unsubscribe(shared_from_this(), link_, ThreadHold(thread))
        );
    }
}

std::optional<Json>
CodexCore::on_request(std::string_view method, const Json& params, const Json& id) {
    const auto thread = threads_.find(text_view_in(params, "threadId"));
    const std::shared_ptr<RunningTurn> live = thread ? thread->live : nullptr;
    // An elicitation without a turn id belongs to the running turn.
    const std::string_view of = text_view_in(params, "turnId");
    const bool ours = live && (of.empty() || live->id().empty() || of == live->id());
    // repeated on a new connection
    if (const Json* answered = ours ? live->answered(id) : nullptr) {
        return live->stop_wanted ? std::nullopt : std::optional(*answered);
    }
    if (auto question = approval_of(method, params); question && ours && live->asks()) {
        ++counts_.asked;
        log(LogLevel::info,
            fmt::format("codex asked {}: its client decides", printable(method, 80)));
        question->details = approval_details(method, params, approval_place());
        live->ask(*std::move(question), id);
        return std::nullopt;
    }
    if (method == "item/tool/call" && ours && live->has_client_calls()) {
        if (live->takes_client_calls()) {
            live->client_call(params, id); // answered by answer_call(), or the turn ends here
            after_delivery(thread);
            // The turn is being stopped: an answer would take the call from a client that can still
            // answer.
        }
        return std::nullopt;
    }
    if (auto note = unanswered_note(method, params); note && ours) {
        live->emit(*std::move(note));
    }
    if (!ours && (options_.server.shared || (outlives() && thread && !of.empty()))) {
        // The lane that runs the turn answers. Codex repeats the request when a lane joins the
        // turn. If the turn ends first, its calls stay open and can still be answered.
        return std::nullopt;
    }
    ServerAnswer answer = answer_server_request(method, params);
    ++(answer.known ? counts_.declined : counts_.unknown_requests);
    log(answer.known ? LogLevel::info : LogLevel::warn,
        fmt::format(
            "codex asked {}: {}", printable(method, 80), answer.known ? "declined" : "unknown"
        ));
    return std::move(answer.body);
}

ApprovalPlace CodexCore::approval_place() const {
    return {.work = home_.work, .sandboxed = home_.facts.sandbox_mode != "danger-full-access"};
}

Result<void> CodexCore::answer_approval(
    const std::shared_ptr<RunningTurn>& turn, std::string_view id, bool approved
) {
    OA_TRY(CodexApprovals::Reply reply, turn->answer_approval(id, approved));
    if (link_) {
        link_->rpc().answer(reply.request, std::move(reply.body));
    }
    return {};
}

Result<void>
CodexCore::answer_call(const std::shared_ptr<RunningTurn>& turn, const CallResult& result) {
    OA_TRY(ClientCalls::Reply reply, turn->answer_call(result));
    if (link_ && !reply.request.is_null()) {
        link_->rpc().answer(reply.request, std::move(reply.body));
    }
    return {};
}

void CodexCore::answer_all(const Link& link, std::vector<CodexApprovals::Reply> replies) {
    for (CodexApprovals::Reply& reply : replies) {
        link->rpc().answer(reply.request, std::move(reply.body));
    }
}

} // namespace oa_stream::authority
