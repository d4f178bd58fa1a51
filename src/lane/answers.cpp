#include "answers.hpp"

#include "oa_stream/net/oa_headers.hpp"

#include "completions/completions_errors.hpp"
#include "gates/compat.hpp"
#include "gates/site.hpp"
#include "turns/redact_quotes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

/// AI SDK and OpenAI's libraries set user-agent. Browsers that let a page set it (Firefox, Safari)
/// ask for it in the preflight.
constexpr std::string_view k_allowed_headers =
    "authorization, content-type, user-agent, x-request-id, x-xsrf-token, x-client, "
    "x-oa-client-build-id, x-oa-protocol-version, x-oa-schema-version, x-oa-accept, "
    "x-oa-route-key, traceparent, idempotency-key";
/// The headers that OpenAI's own libraries add in a page.
constexpr std::string_view k_allowed_openai_headers =
    ", api-key, openai-organization, openai-project, openai-beta, x-stainless-arch, "
    "x-stainless-async, x-stainless-custom-poll-interval, x-stainless-helper-method, "
    "x-stainless-lang, x-stainless-os, x-stainless-package-version, x-stainless-poll-helper, "
    "x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, "
    "x-stainless-timeout";
constexpr std::string_view k_exposed_headers =
    "x-request-id, x-oa-revision, x-oa-thread-id, x-oa-turn-id, x-oa-protocol-version, "
    "x-oa-compatibility-code, x-oa-compatibility-upgrade-required, "
    "x-oa-compatibility-protocol-version, x-oa-compatibility-min-client-build-id, "
    "x-oa-compatibility-max-client-build-id, x-oa-compatibility-min-schema-version, "
    "x-oa-compatibility-max-schema-version, x-vercel-ai-ui-message-stream, retry-after, "
    "x-should-retry, x-conc-limit, x-conc-active, x-ignored-params, "
    "x-oa-ignored";

/// Words the refusal for the clients of this path; its code is noted in the record.
net::Response refusal_of(Rejection rejection, std::string_view path, RequestRecord& record) {
    const bool openai = speaks_openai(path);
    rejection = openai ? in_openai_words(std::move(rejection)) : std::move(rejection);
    record.error = rejection.code;
    return openai ? to_openai_response(rejection) : to_response(rejection, record.request_id);
}

/// For a whole answer that was not sent to its end.
ReaderEnd end_of(Code why) noexcept {
    switch (why) {
    case Code::timeout:
        return ReaderEnd::client_too_slow;
    case Code::cancelled:
        return ReaderEnd::cut;
    default:
        return ReaderEnd::client_gone;
    }
}

} // namespace

void Answers::add_cors_headers(const Call& call, net::Headers& headers) const {
    if (lane_->config.cors_origins.empty()) {
        return;
    }
    headers.add("vary", "origin");
    const auto origin = call.request().headers.get("origin");
    if (!origin || !is_listed(lane_->config, *origin)) {
        return;
    }
    headers.set("access-control-allow-origin", std::string(*origin));
    headers.set("access-control-expose-headers", std::string(k_exposed_headers));
}

void Answers::add_common_headers(const Call& call, net::Headers& headers) const {
    headers.set("x-request-id", call.record.request_id);
    headers.set(net::k_revision_header, lane_->config.revision);
    add_window_headers(lane_->config.window, headers);
    add_cors_headers(call, headers);
}

net::Response Answers::preflight(const Call& call) const {
    net::Response response;
    response.status = 204;
    response.headers.set("allow", call.match.allow);
    net::Headers cors;
    add_cors_headers(call, cors);
    if (cors.has("access-control-allow-origin")) {
        response.headers.set("access-control-allow-methods", call.match.allow);
        std::string allowed(k_allowed_headers);
        allowed += speaks_openai(call.request().path) ? k_allowed_openai_headers : "";
        response.headers.set("access-control-allow-headers", std::move(allowed));
        response.headers.set("access-control-max-age", "600");
    }
    return response;
}

Task<void> Answers::send(CallPtr call, net::Response response) {
    add_common_headers(*call, response.headers);
    auto& record = call->record;
    record.status = response.status;
    record.headers_s = call->now_s();
    const auto sent = co_await call->exchange->respond(std::move(response));
    record.end_s = call->now_s();
    record.bytes = call->exchange->body_sent();
    if (!sent) {
        record.reader = end_of(sent.error().code);
    }
    if (!sent && record.bytes == 0) {
        record.status = 499;
        record.headers_s = -1;
    }
    lane_->count(record);
}

Task<void> Answers::refuse(CallPtr call, Rejection rejection) {
    auto response = refusal_of(std::move(rejection), call->request().path, call->record);
    co_await send(std::move(call), std::move(response));
}

Task<void> Answers::stream(
    CallPtr call,
    std::shared_ptr<LiveTurn> turn,
    net::Headers headers,
    bool first,
    std::optional<std::size_t> segment
) {
    headers.set("content-type", "text/event-stream; charset=utf-8");
    headers.set("cache-control", "no-cache, no-transform");
    headers.set("x-accel-buffering", "no");
    add_common_headers(*call, headers);
    drop_request(*call); // a turn may last long: free the request's memory
    auto body = co_await call->exchange->start_stream(200, std::move(headers));
    auto& record = call->record;
    record.turn = turn->id();
    record.status = body ? 200 : 499;
    record.headers_s = body ? call->now_s() : -1;
    turn->attach(
        body ? *std::move(body) : nullptr,
        call->received,
        first,
        [this, record = std::move(record)](const ReaderReport& report) mutable {
            finish_record(record, report);
        },
        segment,
        call->unasked
    );
}

void Answers::finish_record(RequestRecord& record, const ReaderReport& report) const {
    record.reader = report.end;
    static_cast<Delivery&>(record) = report;
    const auto* outcome = report.outcome;
    if (record.accepted_s >= 0 && outcome != nullptr) {
        record.turn_s = outcome->ended_s;
        record.left = outcome->elsewhere;
        record.end_unknown = record.left && !lane_->shared;
        if (!record.left) {
            tell_turn(record, *outcome);
        }
    }
    lane_->count(record);
}

void Answers::log_turn(const TurnOutcome& outcome) const {
    if (outcome.terminal == turn::TerminalClass::completed) {
        return;
    }
    Json fields = Json::object();
    fields["request_id"] = outcome.request_id;
    fields["route"] = outcome.route;
    fields["thread"] = outcome.thread;
    fields["turn"] = outcome.turn;
    fields["terminal"] = turn::to_string(outcome.terminal);
    if (outcome.reason != StopReason::none) {
        fields["reason"] = to_string(outcome.reason);
    }
    if (outcome.failure) {
        fields["code"] = turn::words_of(outcome.failure->code).word;
        fields["cause"] = redact_quotes(outcome.failure->detail, outcome.prompt_end);
    }
    log_event(outcome.failure ? LogLevel::warn : LogLevel::info, "turn_ended", fields);
}

void Answers::log_failed(
    std::string_view event, const Call& call, std::string_view code, std::string_view cause
) const {
    log_event(
        LogLevel::warn,
        event,
        Json{
            {"request_id", call.record.request_id},
            {"thread", call.record.thread},
            {"code", code},
            {"cause", redact_quotes(cause, end_of_body(call.request().body))}
        }
    );
}

void Answers::log_event(LogLevel level, std::string_view event, const Json& fields) const {
    if (lane_->parts.log != nullptr) {
        lane_->parts.log->event(level, event, fields);
    }
}

net::Response Answers::error_page(const net::RefusedRequest& refused) {
    static constexpr std::array<std::pair<int, std::string_view>, 4> codes{
        {{408, "request_timeout"},
         {431, "headers_too_large"},
         {500, "internal_error"},
         {503, "service_unavailable"}}
    };
    const int status = refused.status;
    const auto* known = std::ranges::find(codes, status, &std::pair<int, std::string_view>::first);
    const std::string code(known == codes.end() ? "bad_request" : known->second);
    Call call;
    auto& record = call.record;
    note_arrival(
        call,
        refused.received,
        net::client_of(lane_->config.proxies, refused.peer, {}, refused.secure)
    );
    record.request_id = request_id_of({});
    record.method = "-";
    record.status = status;
    auto response =
        refusal_of(reject(status, code, std::string(refused.reason)), refused.path, record);
    response.headers.set("x-request-id", record.request_id);
    response.headers.set(net::k_revision_header, lane_->config.revision);
    add_window_headers(lane_->config.window, response.headers);
    record.headers_s = call.now_s();
    record.end_s = record.headers_s;
    record.bytes = response.body.size(); // so short that it is sent at once
    lane_->count(record);
    return response;
}

} // namespace oa_stream::lane
