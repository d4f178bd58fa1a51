// POST /v1/chat/completions, from the gates to the end of the answer.
#include "completions_route.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_errors.hpp"
#include "turns/redact_quotes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <utility>

namespace oa_stream::lane {

namespace {

/// How soon a client is missed that left while it waited for a whole answer.
constexpr Millis k_look{50};

class Counted {
public:
    explicit Counted(std::size_t& count) : count_(&count) { ++*count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*count_; }

private:
    std::size_t* count_;
};

std::int64_t unix_now() {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

void add_headers(net::Headers& to, const net::Headers& more) {
    for (const auto& [name, value] : more.all()) {
        to.set(name, value);
    }
}

Rejection reject_gone() {
    return reject(499, "client_closed_request", "the client left");
}

/// No client can name it: thread ids have no colon. So nobody resumes or stops such a turn.
std::string key_of(const std::string& completion) {
    return "v1:" + completion;
}

} // namespace

Accepted<void> Lane::Native::check_open(const Lane& lane) {
    if (lane.draining_) {
        auto rejection = with_retry_after(
            reject(503, "server_draining", "this instance is shutting down: try again"), 1
        );
        rejection.headers.set("connection", "close");
        return std::unexpected(std::move(rejection));
    }
    if (lane.config_.mode == LaneMode::off) {
        return std::unexpected(
            with_retry_after(reject(503, "overloaded", "this lane is switched off"), 30)
        );
    }
    return {};
}

Accepted<Lane::Native::Request> Lane::Native::pass_gates(Lane& lane, Call& call) {
    if (auto size = lane.check_size(call); !size) {
        return std::unexpected(std::move(size).error());
    }
    if (auto owner = lane.check_owner(call); !owner) {
        return std::unexpected(std::move(owner).error());
    }
    if (!is_json_type(call.request().headers.get("content-type"))) {
        return std::unexpected(
            reject(415, "unsupported_media_type", "the body must be sent as application/json")
        );
    }
    const auto body = parse_json(call.request().body, {.depth = lane.config_.limits.json_depth});
    if (!body) {
        return std::unexpected(reject(
            400,
            "invalid_json",
            fmt::format("the body is no valid JSON: {}", printable(body.error().message))
        ));
    }
    const auto able = lane.parts_.authority->capabilities();
    auto request = read_completions_request(*body, {able.efforts, able.images});
    if (!request) {
        return std::unexpected(std::move(request).error());
    }
    if (request->model != lane.config_.model) {
        return std::unexpected(reject_model(request->model));
    }
    if (auto open = check_open(lane); !open) {
        return std::unexpected(std::move(open).error());
    }
    return std::make_shared<const CompletionsRequest>(*std::move(request));
}

Task<void> Lane::Native::completions(Lane* lane, CallPtr call) {
    auto request = pass_gates(*lane, *call);
    if (!request) {
        co_return co_await lane->refuse(std::move(call), std::move(request).error());
    }
    const auto limit = lane->config_.limits.completions;
    net::Headers headers{{"x-conc-limit", fmt::format("{}", limit)}};
    auto place = lane->completions_.take(limit);
    headers.set("x-conc-active", fmt::format("{}", lane->completions_.active()));
    if (!place) {
        auto rejection = reject_concurrency(limit);
        add_headers(rejection.headers, headers);
        co_return co_await lane->refuse(std::move(call), std::move(rejection));
    }
    if (const auto& ignored = (*request)->ignored; !ignored.empty()) {
        headers.set("x-ignored-params", fmt::format("{}", fmt::join(ignored, ", ")));
    }
    co_await answer(
        lane, std::move(call), *std::move(request), *std::move(place), std::move(headers)
    );
}

Task<void>
Lane::Native::answer(Lane* lane, CallPtr call, Request request, Place place, net::Headers headers) {
    auto started = co_await begin(lane, call, std::move(request), std::move(place));
    if (!started) {
        auto rejection = std::move(started).error();
        add_headers(rejection.headers, headers);
        co_return co_await lane->refuse(std::move(call), std::move(rejection));
    }
    if (started->whole == nullptr) {
        co_return co_await stream(
            lane, std::move(call), std::move(started->turn), std::move(headers)
        );
    }
    co_await whole(lane, std::move(call), *std::move(started), std::move(headers));
}

Task<Accepted<std::unique_ptr<authority::Turn>>>
Lane::Native::start(Lane* lane, CallPtr call, Request request) {
    authority::TurnRequest asked;
    asked.ephemeral = true;
    asked.traceparent = call->traceparent;
    asked.instructions = request->instructions;
    asked.seed = request->seed;
    asked.input = request->input;
    asked.effort = request->effort;
    asked.output_schema = request->output_schema;
    auto turn = co_await lane->parts_.authority->start(std::move(asked));
    if (!turn) {
        const auto& error = turn.error();
        lane->log_event(
            LogLevel::warn,
            "start_failed",
            Json{
                {"request_id", call->record.request_id},
                {"thread", call->record.thread},
                {"code", to_string(error.code)},
                {"cause", unsaid(error.text(), said_in(call->request().body))}
            }
        );
        co_return std::unexpected(reject_unstarted(error));
    }
    co_return *std::move(turn);
}

Task<Accepted<Lane::Native::Started>>
Lane::Native::begin(Lane* lane, CallPtr call, Request request, Place place) {
    auto& record = call->record;
    record.thread = "chatcmpl-" + random_hex(16);
    auto lease = co_await lane->turns_.acquire(
        record.owner,
        key_of(record.thread),
        lane->tokens_.has_value(),
        [exchange = call->exchange] { return exchange->peer_gone(); }
    );
    if (!lease) {
        co_return std::unexpected(std::move(lease).error());
    }
    if (call->exchange->peer_gone()) {
        co_return std::unexpected(reject_gone());
    }
    auto turn = co_await start(lane, call, request);
    if (!turn) {
        co_return std::unexpected(std::move(turn).error());
    }
    record.accepted_s = call->now_s();
    lane->observer_->turn_accepted(record.route);
    encode::CompletionIdentity identity{record.thread, unix_now(), request->model};
    Started started{};
    TurnStyle style;
    style.resumable = false;
    if (request->stream) {
        style.encoder = std::make_unique<encode::CompletionsStream>(
            std::move(identity), request->include_usage
        );
    } else {
        auto encoder = std::make_unique<encode::CompletionsWhole>(std::move(identity));
        started.whole = encoder.get();
        style.encoder = std::move(encoder);
    }
    place.hand_over(); // Lane's on_ended gives it back
    started.turn = LiveTurn::begin(
        lane->executor_,
        lane->host_,
        {record.route,
         record.request_id,
         record.owner,
         record.thread,
         call->received,
         said_in(call->request().body)},
        *std::move(turn),
        std::move(style)
    );
    record.turn = started.turn->id();
    lease->commit(started.turn);
    co_return started;
}

Task<void> Lane::Native::stream(
    Lane* lane, CallPtr call, std::shared_ptr<LiveTurn> turn, net::Headers headers
) {
    headers.set("content-type", "text/event-stream; charset=utf-8");
    headers.set("cache-control", "no-cache, no-transform");
    headers.set("x-accel-buffering", "no");
    headers.set("x-should-retry", "false");
    lane->add_common_headers(*call, headers);
    auto body = co_await call->exchange->start_stream(200, std::move(headers));
    call->record.status = body ? 200 : 499;
    call->record.headers_s = body ? call->now_s() : -1;
    const auto received = call->received;
    turn->attach(
        body ? *std::move(body) : nullptr,
        received,
        true,
        [lane, call = std::move(call)](const ReaderReport& report) {
            lane->finish_record(*call, report);
        }
    );
}

Task<void> Lane::Native::whole(Lane* lane, CallPtr call, Started started, net::Headers headers) {
    const Counted waiting(lane->whole_answers_);
    const auto& turn = started.turn;
    while (!turn->ended()) {
        if (call->exchange->peer_gone()) {
            turn->stop(StopReason::client_gone);
        }
        co_await turn->wait_change(Clock::now() + k_look);
    }
    const auto& outcome = *turn->outcome();
    tell_turn(call->record, outcome);
    if (outcome.outcome == turn::Outcome::interrupted &&
        outcome.reason == StopReason::client_gone) {
        co_return co_await lane->refuse(std::move(call), reject_gone());
    }
    const auto& result = started.whole->result();
    if (!result) {
        auto rejection = reject_failed(outcome, result.error());
        add_headers(rejection.headers, headers);
        co_return co_await lane->refuse(std::move(call), std::move(rejection));
    }
    auto response = json_response(200, *result);
    add_headers(response.headers, headers);
    call->record.first_byte_s = call->now_s();
    co_await lane->answer(std::move(call), std::move(response));
}

} // namespace oa_stream::lane
