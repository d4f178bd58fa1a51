// A turn, from its request to turn/started.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex_core.hpp"
#include "codex_history.hpp"
#include "codex_requests.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_overload_pause{50}; ///< first pause; doubles each time
constexpr int k_overload_tries = 6;    ///< number of tries

constexpr std::string_view k_lost = "the thread went to somebody else meanwhile";

/// Codex has no fencing. If the thread was lost, continuing would interrupt the turn that runs
/// there now, or send the question twice.
Result<void> check_ours(const TurnRequest& request) {
    if (request.ours && !request.ours()) {
        return fail(Code::conflict, std::string(k_lost));
    }
    return {};
}

Result<void> check_request(const TurnRequest& request) {
    if (request.thread && (!request.seed.empty() || !request.keep.empty())) {
        return fail(Code::usage, "only a new thread can be seeded");
    }
    if (request.revert_from_turn && !request.thread) {
        return fail(Code::usage, "only an existing thread can be reverted");
    }
    if (request.ephemeral && request.thread) {
        return fail(Code::usage, "an existing thread cannot be made ephemeral");
    }
    if (!request.tools.empty() && request.thread) {
        return fail(Code::usage, "only a new thread can be given tools");
    }
    const bool answered =
        !request.seed.empty() && request.seed.back().role == SeedMessage::Role::tool;
    if (request.input.empty() && !answered) {
        return fail(Code::usage, "a turn needs input"); // codex would accept it
    }
    for (const InputPart& part : request.input) {
        const auto* image = std::get_if<InputImage>(&part);
        if (image != nullptr && !image->url.starts_with("data:image/") &&
            !image->url.starts_with("https://")) {
            return fail(Code::usage, "an image must be a data: or https: URL");
        }
    }
    return {};
}

} // namespace

/// Retries on -32001, where nothing was done. `ours`: as in TurnRequest.
Task<RpcOutcome> CodexCore::call(
    Self self,
    Link link,
    std::string method,
    Json params,
    std::string traceparent,
    std::function<bool()> ours
) {
    Millis pause = k_overload_pause;
    for (int attempt = 1;; ++attempt) {
        RpcOutcome outcome = co_await link->rpc().call(
            method, params, self->options_.deadlines.request, traceparent
        );
        if (!is_refusal(outcome, RefusalKind::overloaded) || attempt == k_overload_tries) {
            co_return outcome;
        }
        ++self->counts_.overloaded;
        if (!co_await sleep_for(pause)) {
            co_return Error{.code = Code::cancelled, .message = "cancelled"};
        }
        if (ours && !ours()) {
            co_return Error{.code = Code::conflict, .message = std::string(k_lost)};
        }
        pause *= 2;
    }
}

Task<Result<Json>> CodexCore::ask(Self self, Link link, std::string method, Json params) {
    co_return settle(co_await call(self, link, method, std::move(params)), method);
}

Task<Result<std::shared_ptr<RunningTurn>>> CodexCore::start(Self self, TurnRequest asked) {
    OA_CO_CHECK(check_request(asked));
    const auto request = std::make_shared<const TurnRequest>(std::move(asked));
    OA_CO_CHECK(self->can_save());
    bool reverted = false;
    auto live = co_await start_turn(self, request, &reverted);
    if (!live && reverted) {
        live.error().hint = k_replaced_is_gone;
    }
    co_return live;
}

/// `*reverted`: set once the replaced turns were dropped, whatever happens later.
Task<Result<std::shared_ptr<RunningTurn>>>
CodexCore::start_turn(Self self, std::shared_ptr<const TurnRequest> request, bool* reverted) {
    for (int attempt = 1;; ++attempt) {
        OA_CO_TRY(const Link link, co_await ready_link(self));
        const auto& thread = request->thread;
        auto opened =
            thread ? known_thread(self, link, *thread, request) : new_thread(self, link, request);
        Turnstile::Pass passing;
        if (!thread) {
            OA_CO_TRY(passing, co_await pass(self));
        }
        auto hold = co_await std::move(opened);
        if (hold && thread) { // loading has its own turnstile
            OA_CO_TRY(passing, co_await pass(self));
        }
        if (hold && request->revert_from_turn) { // reverts only now that the turn can start
            auto cut = co_await revert(self, link, &**hold, request, attempt > 1);
            *reverted = cut.has_value();
            if (!cut) {
                hold = std::unexpected(std::move(cut).error());
            }
        }
        if (hold && !request->developer.empty()) {
            OA_CO_CHECK(check_ours(*request));
            Json words = developer_params((*hold)->id, request->developer);
            auto injected = co_await call(
                self, link, "thread/inject_items", std::move(words), {}, request->ours
            );
            OA_CO_CHECK(settle(std::move(injected), "thread/inject_items"));
        }
        if (hold) {
            auto live = co_await run_turn(self, link, std::move(*hold), request);
            // codex does not know the thread before its first turn
            if (live && !request->keep.empty()) {
                auto kept = co_await keep(self, link, (*live)->thread(), request);
                if (!kept) {
                    self->abandon(*live);
                    if (!request->thread) {
                        self->drop_made((*live)->thread());
                    }
                    co_return std::unexpected(std::move(kept).error());
                }
            }
            co_return live;
        }
        // The child died before a turn was requested: retry with the next child.
        const bool retry = hold.error().code == Code::unavailable && link->lost();
        if (!retry || attempt > 1) {
            co_return std::unexpected(std::move(hold).error());
        }
    }
}

/// The caller counts as starting a turn until the pass is destroyed.
Task<Result<Turnstile::Pass>> CodexCore::pass(Self self) {
    const auto deadline = Clock::now() + self->options_.deadlines.start_wait;
    Turnstile::Pass passing = co_await self->starts_.enter(deadline);
    if (is_set(co_await asio::this_coro::cancellation_state)) {
        co_return fail(Code::cancelled, "cancelled");
    }
    if (!passing) {
        ++self->counts_.crowded;
        co_return fail(Code::unavailable, "codex starts other turns", "retry_after:1");
    }
    co_return passing;
}

Task<Result<ThreadHold>>
CodexCore::new_thread(Self self, Link link, std::shared_ptr<const TurnRequest> request) {
    Json params = thread_start_params(self->new_cwd(), request->ephemeral, request->instructions);
    add_tools(params, request->tools);
    OA_CO_TRY(const Json result, co_await ask(self, link, "thread/start", std::move(params)));
    OA_CO_TRY(ThreadFacts facts, check_thread(result, self->home_.facts));
    if (link->lost()) { // lost just now: the thread table already belongs to the next child
        co_return fail(Code::unavailable, self->reason_);
    }
    ThreadHold hold(self->threads_.find_or_add(facts.id));
    hold->model = std::move(facts.model);
    hold->effort = std::move(facts.effort);
    hold->loaded = true;
    hold->ephemeral = request->ephemeral;
    hold->functions = mapped(request->tools, &ClientTool::name);
    hold->total = turn::Usage{};
    if (!request->seed.empty()) {
        Json seed = inject_params(hold->id, request->seed);
        OA_CO_CHECK(co_await ask(self, link, "thread/inject_items", std::move(seed)));
    }
    co_return hold;
}

Task<Result<std::string>> CodexCore::make_thread(Self self, TurnRequest asked) {
    const auto request = std::make_shared<const TurnRequest>(std::move(asked));
    OA_CO_CHECK(self->can_save());
    OA_CO_TRY(const Link link, co_await ready_link(self));
    OA_CO_TRY(const ThreadHold hold, co_await new_thread(self, link, request));
    // Codex stores the thread only because it has a name.
    auto done = co_await name_thread(self, hold->id, std::string(k_unnamed));
    if (done) {
        done = co_await keep(self, link, hold->id, request);
    }
    if (!done) {
        self->drop_made(hold->id);
        co_return std::unexpected(std::move(done).error());
    }
    co_return hold->id;
}

Task<Result<void>> CodexCore::name_thread(Self self, std::string thread, std::string title) {
    OA_CO_TRY(const Link link, co_await ready_link(self));
    OA_CO_CHECK(self->threads_.check_kept(thread));
    Json params = thread_params(thread);
    params["name"] = std::move(title);
    RpcOutcome named = co_await call_unarchived(self, link, "thread/name/set", std::move(params));
    OA_CO_CHECK(self->saved(settle(std::move(named), "thread/name/set")));
    co_return Result<void>{};
}

Task<Result<ThreadHold>> CodexCore::known_thread(
    Self self, Link link, std::string thread, std::shared_ptr<const TurnRequest> request
) {
    OA_CO_TRY(ThreadHold hold, co_await load_known(self, link, std::move(thread)));
    OA_CO_CHECK(check_ours(*request));
    if (hold->foreign) {
        OA_CO_CHECK(co_await end_foreign_turn(self, link, &*hold, request->ours));
    }
    co_return hold;
}

/// The caller holds `thread`.
Task<Result<void>> CodexCore::revert(
    Self self,
    Link link,
    CodexThread* thread,
    std::shared_ptr<const TurnRequest> request,
    bool asked_before
) {
    OA_CO_CHECK(check_ours(*request));
    Json params = thread_revert_params(thread->id, *request->revert_from_turn);
    auto outcome = co_await call(self, link, "thread/revert", std::move(params), {}, request->ours);
    const bool done_before = asked_before && is_refusal(outcome, RefusalKind::turn_unknown);
    if (!done_before) {
        OA_CO_CHECK(settle(std::move(outcome), "thread/revert"));
    }
    thread->total.reset(); // codex resets it to a value that only codex has
    thread->last_turn.clear();
    co_return Result<void>{};
}

Task<Result<std::shared_ptr<RunningTurn>>> CodexCore::run_turn(
    Self self, Link link, ThreadHold hold, std::shared_ptr<const TurnRequest> request
) {
    OA_CO_CHECK(check_ours(*request));
    auto live = std::make_shared<RunningTurn>(
        self->executor_, self->options_, hold->id, hold->model, self->approval_place(), hold->total
    );
    live->ask_approvals = request->ask_approvals;
    live->alone = !request->thread;
    live->unread_results = contains(request->seed, SeedMessage::Role::tool, &SeedMessage::role);
    if (!request->tools.empty() || request->wait_for_calls) {
        live->take_client_calls(request->wait_for_calls, hold->functions);
    }
    live->unasked = !request->input.empty();
    hold->live = live;
    Json params = turn_start_params(hold->id, *request);
    self->add_own_choices(params, *hold, *request);
    RpcOutcome outcome =
        co_await call(self, link, "turn/start", params, request->traceparent, request->ours);
    if (is_refusal(outcome, RefusalKind::thread_not_loaded)) {
        OA_CO_CHECK(co_await resume(self, link, &*hold)); // unloaded without our request
        OA_CO_CHECK(check_ours(*request));
        outcome =
            co_await call(self, link, "turn/start", params, request->traceparent, request->ours);
    }
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        co_return std::unexpected(error_of(*refusal, "turn/start"));
    }
    auto* error = std::get_if<Error>(&outcome);
    if (error != nullptr && error->code == Code::conflict) {
        co_return std::unexpected(std::move(*error)); // lost before a retry: no turn runs
    }
    const std::shared_ptr<CodexThread> thread = hold.hand_over();
    thread->effort = text_in(params, "effort");
    if (error != nullptr) {
        self->abandon(live); // ambiguous: the turn may run; never requested twice
        co_return std::unexpected(std::move(*error));
    }
    co_return co_await accepted(
        self, thread, params, std::get<Json>(std::move(outcome)), !request->probe
    );
}

/// Codex keeps a turn's settings for the next one, so each turn sets them explicitly.
void CodexCore::add_own_choices(Json& params, const CodexThread& thread, const TurnRequest& request)
    const {
    const std::string& model = request.model.empty() ? thread.model : request.model;
    if (!request.input.empty()) {
        params["clientUserMessageId"] = tag_message(request.client_message_id, model);
    }
    if (!request.effort.empty()) {
        return;
    }
    const auto* known = find_or_null(models_, model, &ModelInfo::id);
    const auto usual =
        home_.facts.effort.value_or(known == nullptr ? std::string() : known->default_effort);
    if (!usual.empty()) {
        params["effort"] = usual;
    } else if (!thread.effort.empty()) {
        params["collaborationMode"] = no_effort(model);
    }
}

Task<Result<std::shared_ptr<RunningTurn>>> CodexCore::accepted(
    Self self, std::shared_ptr<CodexThread> thread, Json asked, Json result, bool of_user
) {
    const std::shared_ptr<RunningTurn> live = thread->live;
    if (!live) { // the child died just now
        co_return fail(Code::unavailable, self->reason_);
    }
    const std::string id = text_in(object_in(result, "turn"), "id");
    if (id.empty() || id == thread->last_turn) {
        self->abandon(live);
        co_return fail(Code::protocol, "codex accepted a turn without naming a new one");
    }
    if (of_user && self->records_this_one()) {
        self->record(*live, id, asked, result);
    }
    live->bind(id);
    self->after_delivery(thread);
    co_await RunningTurn::wait_started(live, Clock::now() + self->options_.deadlines.request);
    if (is_set(co_await asio::this_coro::cancellation_state)) {
        self->abandon(live);
        co_return fail(Code::cancelled, "cancelled");
    }
    if (live->started() || live->ended()) {
        co_return live;
    }
    self->abandon(live);
    if (live->failed()) {
        OA_CO_CHECK(self->can_save());
        co_return fail(Code::unavailable, self->reason_);
    }
    ++self->counts_.timeouts;
    co_return fail(Code::timeout, "codex accepted the turn but did not start it in time");
}

/// Evenly spread: a share of 10 % records every tenth turn.
bool CodexCore::records_this_one() {
    if (options_.record.directory.empty()) {
        return false;
    }
    record_due_ += options_.record.share;
    const bool due = record_due_ >= 1 - 1e-9;
    record_due_ -= due ? 1 : 0;
    return due;
}

/// Writes the start of a capture: the thread, the request and its response.
void CodexCore::record(
    RunningTurn& live, const std::string& id, const Json& asked, const Json& result
) const {
    CaptureScrub scrub{.redactor = home_.redactor};
    scrub.folders = {
        {home_.work.string(), "/WORK"},
        {home_.home.string(), "/HOME/codex"},
        {home_.tmp.string(), "/TMP"}
    };
    auto recorder = CaptureRecorder::begin(
        options_.record.directory, id, std::move(scrub), options_.record.most_bytes
    );
    if (!recorder) {
        log(LogLevel::warn, fmt::format("cannot record: {}", recorder.error().text()));
        return;
    }
    Json thread = Json::object({{"thread", Json::object({{"id", live.thread()}})}});
    thread["model"] = live.model();
    thread["cwd"] = home_.work.string();
    (*recorder)->write("note", fmt::format("recorded by oa-stream with codex {}", version_));
    (*recorder)->write("s2c", Json::object({{"id", 1}, {"result", std::move(thread)}}));
    (*recorder)->write(
        "c2s", Json::object({{"method", "turn/start"}, {"id", 2}, {"params", asked}})
    );
    (*recorder)->write("s2c", Json::object({{"id", 2}, {"result", result}}));
    live.record(std::move(*recorder));
}

} // namespace oa_stream::authority
