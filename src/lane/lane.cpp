#include "oa_stream/lane/lane.hpp"

#include "oa_stream/lane/metrics.hpp"

#include "chats/lane_reads.hpp"
#include "chats/thread_name.hpp"
#include "completions/completions_route.hpp"
#include "gates/call.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace oa_stream::lane {

Lane::Lane(const asio::any_io_executor& executor, LaneConfig config, LaneParts parts)
    : executor_(executor), config_(std::move(config)), parts_(std::move(parts)),
      observer_(parts_.observer != nullptr ? parts_.observer : &silent_), turns_(host_),
      created_(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())),
      ticker_(executor) {
    host_->limits = config_.limits;
    host_->timings = config_.timings;
    host_->observer = observer_;
    host_->on_ended = [this](const TurnOutcome& outcome) {
        turns_.turn_ended(outcome.owner);
        if (outcome.route == k_completions_route) {
            completions_.release();
        }
        observer_->turn_ended(outcome);
        log_turn(outcome);
    };
    spawn(executor, "lane ticks", run_ticks());
}

Lane::~Lane() = default;

Task<void> Lane::run_ticks() {
    while (!closed_) {
        ticker_.expires_after(config_.timings.tick);
        (void)co_await ticker_.async_wait(asio::as_tuple(asio::use_awaitable));
        turns_.tick(Clock::now());
    }
}

void Lane::set_tokens(std::optional<TokenTable> tokens) {
    tokens_ = std::move(tokens);
}

void Lane::set_window(CompatWindow window) {
    config_.window = std::move(window);
}

void Lane::set_mode(LaneMode mode) {
    config_.mode = mode;
}

net::Handler Lane::handler() {
    return [this](std::shared_ptr<net::Exchange> exchange) { return handle(std::move(exchange)); };
}

Task<void> Lane::handle(std::shared_ptr<net::Exchange> exchange) {
    auto call = open_call(std::move(exchange));
    const auto& match = call->match;
    if (match.pattern.empty()) {
        auto rejection = reject(404, "not_found", "there is no such route");
        // A client of the other protocol that was given the wrong base URL reads these.
        rejection.details["type"] = "invalid_request_error";
        rejection.details["param"] = nullptr;
        return refuse(std::move(call), std::move(rejection));
    }
    if (call->request().method == "OPTIONS") {
        auto response = preflight(*call);
        return answer(std::move(call), std::move(response));
    }
    if (match.route == nullptr) {
        auto rejection = reject(405, "method_not_allowed", "this route does not take this method");
        rejection.headers.set("allow", match.allow);
        return refuse(std::move(call), std::move(rejection));
    }
    return dispatch(std::move(call));
}

Task<void> Lane::dispatch(CallPtr call) {
    switch (call->match.route->action) {
    case Action::chat:
        return chat(std::move(call));
    case Action::resume:
        return resume(std::move(call));
    case Action::stop:
        return stop(std::move(call));
    case Action::completions:
        return Native::completions(this, std::move(call));
    case Action::models:
        return Native::models(this, std::move(call));
    case Action::chats:
        return Reads::list(this, std::move(call));
    case Action::make_chat:
        return Reads::make(this, std::move(call));
    case Action::conversation:
        return Reads::conversation(this, std::move(call));
    case Action::messages:
        return Reads::messages(this, std::move(call));
    case Action::runs:
        return Reads::runs(this, std::move(call));
    case Action::run_events:
        return Reads::run_events(this, std::move(call));
    case Action::metrics:
        return metrics(std::move(call));
    case Action::healthz:
    case Action::readyz:
    case Action::version:
        break;
    }
    return health(std::move(call));
}

Task<void> Lane::chat(CallPtr call) {
    if (auto passed = pass_gates(*call); !passed) {
        co_return co_await refuse(std::move(call), std::move(passed).error());
    }
    if (config_.mode == LaneMode::retired) {
        auto response = retired_answer(*call);
        co_return co_await answer(std::move(call), std::move(response));
    }
    if (!call->chat.approvals.empty()) {
        co_return co_await answer_approvals(std::move(call));
    }
    auto earlier = co_await earlier_turn(call);
    if (!earlier) {
        co_return co_await refuse(std::move(call), std::move(earlier).error());
    }
    if (*earlier) {
        co_return co_await send_stream(std::move(call), *std::move(earlier), false);
    }
    auto turn = co_await begin_keyed_turn(call);
    if (!turn) {
        co_return co_await refuse(std::move(call), std::move(turn).error());
    }
    co_await send_stream(std::move(call), *std::move(turn), true);
}

Task<void> Lane::health(CallPtr call) {
    const auto able = parts_.authority->capabilities();
    Json body = Json::object();
    int status = 200;
    switch (call->match.route->action) {
    case Action::healthz:
        body["status"] = "ok";
        break;
    case Action::readyz: {
        const auto health = parts_.authority->health();
        const bool ready = health.ready && !draining_;
        status = ready ? 200 : 503;
        body["status"] = ready ? "ready" : "unready";
        const auto reason = draining_ ? std::string("draining") : health.reason;
        if (!reason.empty()) {
            body["reason"] = reason;
        }
        break;
    }
    default:
        body["name"] = "oa-stream";
        body["version"] = config_.version;
        body["revision"] = config_.revision;
        body["authority"] = Json{{"name", able.name}, {"version", able.version}};
        body["lane"] = to_string(config_.mode);
    }
    return answer(std::move(call), json_response(status, body));
}

Task<void> Lane::metrics(CallPtr call) {
    if (!parts_.metrics) {
        return refuse(std::move(call), reject(404, "not_found", "there is no such route"));
    }
    if (auto owner = config_.open_metrics ? Accepted<void>{} : check_owner(*call); !owner) {
        return refuse(std::move(call), std::move(owner).error());
    }
    net::Response response;
    response.headers.set("content-type", std::string(k_metrics_type));
    response.headers.set("cache-control", "no-store");
    response.body = parts_.metrics();
    return answer(std::move(call), std::move(response));
}

void Lane::begin_drain() {
    draining_ = true;
}

Task<std::size_t> Lane::drain(Millis limit) {
    begin_drain();
    const auto deadline = Clock::now() + limit;
    // What is left gets its ending early enough to reach the readers.
    const auto reserve = std::min(limit / 5, Millis(1000));
    std::size_t left = 0;
    while (turns_.busy() > 0 && Clock::now() < deadline - reserve) {
        left += turns_.end_waiting(StopReason::drain); // their decisions are refused by now
        co_await sleep_for(Millis(10));
    }
    left += turns_.busy();
    turns_.end_all(StopReason::drain);
    while (turns_.open_readers() + whole_answers_ > 0 && Clock::now() < deadline) {
        turns_.tick(Clock::now());
        co_await sleep_for(Millis(5));
    }
    co_return left;
}

void Lane::close() {
    closed_ = true;
    ticker_.cancel();
    turns_.end_all(StopReason::drain);
    turns_.cut_all();
}

} // namespace oa_stream::lane
