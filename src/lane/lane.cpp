#include "oa_stream/lane/lane.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/lane/metrics.hpp"

#include "answers.hpp"
#include "chats/chats.hpp"
#include "chats/thread_name.hpp"
#include "completions/completions_route.hpp"
#include "gates/gates.hpp"
#include "gates/site.hpp"
#include "turns/streams.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

namespace oa_stream::lane {

namespace {

/// Requests that were broken off need a few turns of the loop; nothing else is worth waiting for.
constexpr Millis k_settle{100};

/// OpenAI's libraries append their paths to the base URL that they are given.
std::string no_route(std::string_view path) {
    if (speaks_openai(path)) {
        return "there is no such route: below /v1 are chat/completions, responses and models";
    }
    const auto ends = [&](std::string_view end) { return path.ends_with(end); };
    constexpr std::array<std::string_view, 3> k_paths{"/chat/completions", "/responses", "/models"};
    return std::ranges::any_of(k_paths, ends)
               ? "there is no such route: the base URL must end with /v1"
               : "there is no such route";
}

} // namespace

struct Lane::Impl {
    Impl(const asio::any_io_executor& executor, LaneConfig config, LaneParts parts)
        : state(executor, std::move(config), std::move(parts)), ticker(executor) {
        state.host->on_ended = [this](const TurnOutcome& outcome) {
            state.turns.turn_ended(outcome.owner);
            touch(outcome);
            completions.turn_ended(outcome);
            if (!outcome.elsewhere) {
                state.count(outcome);
            }
            answers.log_turn(outcome);
        };
        if (state.parts.store != nullptr) {
            state.shared = std::make_unique<SharedLane>(state, *state.parts.store);
            state.shared->start();
        }
        spawn(executor, "lane ticks", run_ticks());
        spawn(executor, "dates of the id map", chats.date_rows());
    }

    void touch(const TurnOutcome& outcome) {
        state.ids().touch(outcome.owner, outcome.thread, unix_now());
        if (state.shared && state.ids().contains(outcome.owner, outcome.thread)) {
            state.shared->touch_later(outcome.owner, outcome.thread, unix_now());
        }
    }

    [[nodiscard]] Task<void> run_ticks() {
        const auto tick = state.config.timings.tick;
        bool skipped = false;
        while (!closed) {
            ticker.expires_after(tick);
            (void)co_await ticker.async_wait(asio::as_tuple(asio::use_awaitable));
            // A tick that is late by more than one interval is skipped once: the process stood
            // still. Events that arrived meanwhile are read before any deadline is judged.
            skipped = !skipped && Clock::now() - ticker.expiry() > tick;
            if (skipped) {
                continue;
            }
            try {
                state.turns.tick(Clock::now());
                if (state.shared) {
                    state.shared->tick(Clock::now());
                }
            } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): the next tick does it
            }
        }
    }
    [[nodiscard]] Task<void> handle(std::shared_ptr<net::Exchange> exchange);
    [[nodiscard]] Task<void> serve(CallPtr call);
    [[nodiscard]] Task<void> serve_shared(CallPtr call);
    [[nodiscard]] Task<void> dispatch(CallPtr call);
    [[nodiscard]] std::string unready() const;
    [[nodiscard]] std::string caution() const;
    [[nodiscard]] Task<void> health(CallPtr call);
    [[nodiscard]] Task<void> metrics(CallPtr call);

    LaneState state;
    Answers answers{state};
    Streams streams{state, answers};
    Chats chats{state, answers, streams.starter()};
    Completions completions{state, answers, unix_now()};
    asio::steady_timer ticker;
    /// Number of requests that handlers hold. They may outlive the lane.
    std::shared_ptr<std::size_t> calls = std::make_shared<std::size_t>(0);
    bool closed = false;
};

Lane::Lane(const asio::any_io_executor& executor, LaneConfig config, LaneParts parts)
    : impl_(std::make_unique<Impl>(executor, std::move(config), std::move(parts))) {
}

Lane::~Lane() = default;

void Lane::set_tokens(std::optional<TokenTable> tokens) {
    impl_->state.tokens = std::move(tokens);
}

void Lane::set_window(CompatWindow window) {
    impl_->state.config.window = std::move(window);
}

void Lane::set_mode(LaneMode mode) {
    impl_->state.config.mode = mode;
}

void Lane::forget(std::vector<std::string> threads) {
    spawn(impl_->state.executor, "deleted threads", impl_->chats.forget(std::move(threads)));
}

LaneMode Lane::mode() const noexcept {
    return impl_->state.config.mode;
}

std::size_t Lane::busy() const noexcept {
    return impl_->state.turns.busy();
}

net::Handler Lane::handler() {
    return [impl = impl_.get()](std::shared_ptr<net::Exchange> exchange) {
        return impl->handle(std::move(exchange));
    };
}

net::ErrorPage Lane::error_page() {
    return [impl = impl_.get()](const net::RefusedRequest& refused) {
        return impl->answers.error_page(refused);
    };
}

/// An allocation failure ends the request. By then the memory of the failed attempt is free again.
Task<void> Lane::Impl::handle(std::shared_ptr<net::Exchange> exchange) {
    const Counted open(calls);
    auto call = open_call(state.config.proxies, std::move(exchange));
    try {
        co_return co_await serve(call);
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): nothing can wait in here
    }
    drop_request(*call);
    co_await answers.refuse(
        std::move(call),
        with_retry_after(reject(503, "service_unavailable", "out of memory: try again"), 1)
    );
}

Task<void> Lane::Impl::serve(CallPtr call) {
    constexpr std::array<Gate, 2> k_site_gates{allowed_host, allowed_origin};
    if (auto passed = pass_gates(state, *call, k_site_gates); !passed) {
        return answers.refuse(std::move(call), std::move(passed).error());
    }
    const auto& match = call->match;
    if (match.pattern.empty()) {
        auto rejection = reject(404, "not_found", no_route(call->request().path));
        // A client of the other protocol that was given the wrong base URL reads these members.
        rejection.details["type"] = "invalid_request_error";
        rejection.details["param"] = nullptr;
        return answers.refuse(std::move(call), std::move(rejection));
    }
    if (call->request().method == "OPTIONS") {
        auto response = answers.preflight(*call);
        return answers.send(std::move(call), std::move(response));
    }
    if (match.route == nullptr) {
        auto rejection = reject(405, "method_not_allowed", "this route does not take this method");
        rejection.headers.set("allow", match.allow);
        return answers.refuse(std::move(call), std::move(rejection));
    }
    const bool chat = match.id && !speaks_openai(call->request().path);
    if (state.shared && (chat || match.route->action == Action::chats)) {
        return serve_shared(std::move(call));
    }
    return dispatch(std::move(call));
}

/// Refreshes what the shared store holds of the conversation before the request is answered from
/// it.
Task<void> Lane::Impl::serve_shared(CallPtr call) {
    if (owner(state, *call)) {
        const auto id = read_path_id(call->match.id.value_or(""));
        if (call->match.route->action == Action::chats) {
            if (!co_await state.shared->refresh_all(call->record.owner)) {
                co_return co_await answers.refuse(std::move(call), reject_unknown_for_now());
            }
        } else if (id) {
            const bool known_now = co_await state.shared->refresh(call->record.owner, *id);
            const bool turn = call->match.route->action == Action::chat; // refuses by itself
            if (!known_now && !turn && !state.ids().contains(call->record.owner, *id)) {
                co_return co_await answers.refuse(std::move(call), reject_unknown_for_now());
            }
        }
    }
    co_await dispatch(std::move(call));
}

Task<void> Lane::Impl::dispatch(CallPtr call) {
    switch (call->match.route->action) {
    case Action::chat:
        return streams.serve(std::move(call), &Streams::chat);
    case Action::resume:
        return streams.serve(std::move(call), &Streams::resume);
    case Action::stop:
        return streams.serve(std::move(call), &Streams::stop);
    case Action::responses:
    case Action::completions:
        return completions.completions(std::move(call));
    case Action::read_response:
    case Action::delete_response:
        return completions.stored(std::move(call));
    case Action::models:
        return completions.models(std::move(call));
    case Action::chat_models:
        return completions.chat_models(std::move(call));
    case Action::guest_session:
        return chats.serve(std::move(call), &Chats::guest_session);
    case Action::chats:
        return chats.serve(std::move(call), &Chats::list);
    case Action::make_chat:
        return chats.serve(std::move(call), &Chats::make);
    case Action::change_chat:
        return chats.serve(std::move(call), &Chats::change);
    case Action::delete_chat:
        return chats.serve(std::move(call), &Chats::remove);
    case Action::fork_chat:
        return chats.serve(std::move(call), &Chats::fork);
    case Action::export_chat:
        return chats.serve(std::move(call), &Chats::export_chat);
    case Action::conversation:
        return chats.serve(std::move(call), &Chats::conversation);
    case Action::messages:
        return chats.serve(std::move(call), &Chats::messages);
    case Action::runs:
        return chats.serve(std::move(call), &Chats::runs);
    case Action::run_events:
        return chats.serve(std::move(call), &Chats::run_events);
    case Action::metrics:
        return metrics(std::move(call));
    case Action::healthz:
    case Action::readyz:
    case Action::version:
        break;
    }
    return health(std::move(call));
}

Task<void> Lane::Impl::health(CallPtr call) {
    const auto able = state.authority().capabilities();
    Json body = Json::object();
    int status = 200;
    switch (call->match.route->action) {
    case Action::healthz:
        body["status"] = "ok";
        break;
    case Action::readyz: {
        const bool ready = unready().empty();
        status = ready ? 200 : 503;
        body["status"] = ready ? "ready" : "unready";
        const auto reason = ready ? caution() : unready();
        if (!reason.empty()) {
            body["reason"] = reason;
        }
        break;
    }
    default:
        body["name"] = "oa-stream";
        body["version"] = state.config.version;
        body["revision"] = state.config.revision;
        body["authority"] = Json{{"name", able.name}, {"version", able.version}};
        body["lane"] = to_string(state.config.mode);
    }
    return answers.send(std::move(call), json_response(status, body));
}

/// Why no turn can be started here; empty when one can be.
std::string Lane::Impl::unready() const {
    if (state.draining) {
        return "draining";
    }
    const auto health = state.authority().health();
    if (!health.ready) {
        return health.reason.empty() ? "the authority is not ready" : health.reason;
    }
    return state.shared ? state.shared->store().trouble() : std::string();
}

/// A warning about a ready lane. All lanes share one store: if a balancer left every lane whose
/// store refuses writes, requests that only read would fail, too. A lane that is switched off must
/// still give clients its own answer, and its running turns go on.
std::string Lane::Impl::caution() const {
    if (state.config.mode != LaneMode::on) {
        const bool all = state.config.mode == LaneMode::off; // a retired lane serves /v1
        return fmt::format(
            "the lane is {}: no new turns{}", to_string(state.config.mode), all ? "" : " of chats"
        );
    }
    if (state.shared && state.shared->full()) {
        return "the store is full: no new turns";
    }
    const auto store = state.shared ? state.shared->store().caution() : std::string();
    return store.empty() ? state.authority().health().reason : store;
}

Task<void> Lane::Impl::metrics(CallPtr call) {
    if (!state.parts.metrics) {
        return answers.refuse(std::move(call), reject(404, "not_found", "there is no such route"));
    }
    if (auto passed = state.config.open_metrics ? Accepted<void>{} : owner(state, *call); !passed) {
        return answers.refuse(std::move(call), std::move(passed).error());
    }
    net::Response response;
    response.headers.set("content-type", std::string(k_metrics_type));
    response.headers.set("cache-control", "no-store");
    response.body = state.parts.metrics(unready().empty());
    return answers.send(std::move(call), std::move(response));
}

void Lane::begin_drain() {
    impl_->state.draining = true;
}

Task<std::size_t> Lane::drain(Millis limit) {
    begin_drain();
    impl_->state.bodies.stop(); // each of them is answered with 503
    auto& turns = impl_->state.turns;
    const auto deadline = Clock::now() + limit;
    // The remaining turns are ended early enough for the endings to reach the readers.
    const auto reserve = std::min(limit / 5, Millis(1000));
    // Decisions are refused from now on. Turns that can outlive this process are left: the process
    // that continues them asks for the decisions again.
    const bool leaves = impl_->state.authority().capabilities().outlives;
    std::size_t left = 0;
    while (turns.busy() > (leaves ? turns.waiting() : 0) && Clock::now() < deadline - reserve) {
        left += leaves ? 0 : turns.end_waiting(StopReason::drain);
        co_await sleep_for(Millis(10));
    }
    if (impl_->state.shared) {
        const auto released = co_await impl_->state.shared->release_all(reserve);
        if (released > 0) {
            impl_->answers.log_event(LogLevel::info, "turns_released", Json{{"turns", released}});
        }
    }
    if (const auto going_on = turns.leave_all(); going_on > 0) {
        impl_->answers.log_event(LogLevel::info, "turns_left", Json{{"turns", going_on}});
    }
    left += turns.busy();
    turns.end_all(StopReason::drain);
    const auto waited_for = [&] {
        return turns.open_readers() + (impl_->state.shared ? turns.busy() : 0) +
               impl_->completions.whole_answers() + impl_->state.bodies.jobs();
    };
    while (waited_for() > 0 && Clock::now() < deadline) {
        turns.tick(Clock::now());
        co_await sleep_for(Millis(5));
    }
    co_return left;
}

void Lane::close() {
    impl_->closed = true;
    impl_->state.bodies.stop();
    impl_->ticker.cancel();
    if (impl_->state.shared) {
        // First: it reports to the store which answers lack their end
        impl_->state.shared->cut_relays();
        impl_->state.shared->stop();
    }
    impl_->state.turns.end_all(StopReason::drain);
    impl_->state.turns.cut_all();
}

Task<void> Lane::settle() {
    const auto deadline = Clock::now() + k_settle;
    while (*impl_->calls > 0 && Clock::now() < deadline) {
        co_await sleep_for(Millis(1));
    }
}

} // namespace oa_stream::lane
