// POST /v1/chat/completions and /v1/responses, from the gates to the end of the answer;
// GET /v1/models[/{model}] and GET /api/models: the models that this lane offers.
#include "completions_route.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/openai_errors.hpp"
#include "oa_stream/encode/responses.hpp"

#include "bodies/read_body.hpp"
#include "bodies/surrogates.hpp"
#include "chats/paging.hpp"
#include "completions_errors.hpp"
#include "completions_params.hpp"
#include "gates/gates.hpp"
#include "models.hpp"
#include "responses/responses_request.hpp"
#include "turns/redact_quotes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Interval of the check whether a client has left that waits for a whole answer.
constexpr Millis k_look{50};

/// The gates before the body.
constexpr std::array<Gate, 3> k_gates{body_size, owner, content_type};
bool is_responses(const Call& call) {
    return call.match.route->action == Action::responses;
}

Rejection in_words_of(const Call& call, Rejection rejection) {
    const auto param = string_member(rejection.details, "param");
    if (param && is_responses(call)) {
        rejection.details["param"] = encode::responses_param(*param);
    }
    return rejection;
}

/// No client can send this key: thread ids contain no colon. So such a turn cannot be resumed or
/// stopped by a request.
std::string key_of(const std::string& completion) {
    return "v1:" + completion;
}

/// Only the user's newest text must be free of half characters; results and earlier messages are
/// repaired.
bool newest_has_half(const Json& body, std::string_view key) {
    const Json* list = member(body, key);
    if (list == nullptr || list->empty()) {
        return false;
    }
    const Json& last = list->is_array() ? list->back() : *list;
    const bool users = last.is_string() || string_member(last, "role") == "user";
    return users && dump_json(last).contains(k_half_character);
}

} // namespace

CompletionsContext
Completions::context_for(const Call& call, const authority::Capabilities& able) const {
    CompletionsContext context{.worker = able.worker, .images = able.images};
    context.tools = able.client_tools;
    context.history = able.can_seed;
    context.instructions = able.instructions;
    context.messages = lane_->config.limits.messages;
    context.text_chars = lane_->config.limits.text_chars;
    context.efforts = able.efforts;
    if (offered_models(lane_->config).size() > 1) {
        context.efforts = {}; // each model may have its own efforts: they are checked in accept()
    }
    context.flat_tools = is_responses(call);
    if (const auto& name = call.match.deployment) {
        context.deployment = percent_decode(*name).value_or(*name);
    }
    return context;
}

Task<Accepted<void>> Completions::accept(CallPtr call) {
    OA_CO_CHECK(co_await admit(*lane_, call, k_gates));
    const auto able = lane_->authority().capabilities();
    const auto models = offered_models(lane_->config);
    const auto context = context_for(*call, able);
    const auto half_in_new = [&](const Json& body) {
        return newest_has_half(body, is_responses(*call) ? "input" : "messages");
    };
    BodyUse use = [&](const Json& body) -> Accepted<void> {
        OA_TRY(
            auto request,
            is_responses(*call) ? read_responses_request(body, context)
                                : read_completions_request(body, context)
        );
        if (!contains(models, request.model, &LaneModel::id)) {
            return reject_model(request.model);
        }
        const auto* known = known_model(able.models, request.model);
        if (known != nullptr && !takes_effort(*known, request.effort)) {
            return bad(
                "invalid_value",
                is_responses(*call) ? "reasoning.effort" : "reasoning_effort",
                fmt::format("one of {}", fmt::join(known->efforts, ", "))
            );
        }
        call->completion = std::make_shared<CompletionsRequest>(std::move(request));
        return {};
    };
    // The whole body is kept: content decides what is refused as unsupported, and schemas are
    // passed on.
    const BodyKeep keep{.half_in_new = half_in_new};
    OA_CO_CHECK(co_await read_body(lane_, call, keep, std::move(use)));
    if (is_responses(*call)) {
        OA_CO_CHECK(co_await resolve(call, context));
    }
    co_return open_for_turns(*lane_, *call);
}

Task<void> Completions::completions(CallPtr call) {
    if (auto passed = co_await accept(call); !passed) {
        co_return co_await answers_->refuse(std::move(call), std::move(passed).error());
    }
    const auto limit = lane_->config.limits.completions;
    net::Headers headers{{"x-conc-limit", fmt::format("{}", limit)}};
    auto place = running_.reserve(limit);
    headers.set("x-conc-active", fmt::format("{}", running_.active()));
    if (!place) {
        auto rejection = reject_concurrency(limit);
        rejection.headers.set_all(headers);
        co_return co_await answers_->refuse(std::move(call), std::move(rejection));
    }
    if (const auto& ignored = call->completion->ignored; !ignored.empty()) {
        headers.set("x-ignored-params", fmt::format("{}", fmt::join(ignored.listed(), ", ")));
    }
    co_await answer(std::move(call), *std::move(place), std::move(headers));
}

Task<void> Completions::answer(CallPtr call, Counted place, net::Headers headers) {
    auto started = co_await begin(call, std::move(place));
    if (!started) {
        auto rejection = in_words_of(*call, std::move(started).error());
        rejection.headers.set_all(headers);
        co_return co_await answers_->refuse(std::move(call), std::move(rejection));
    }
    if (started->whole == nullptr) {
        headers.set("x-should-retry", "false");
        co_return co_await answers_->stream(
            std::move(call), std::move(started->turn), std::move(headers), true
        );
    }
    co_await whole(std::move(call), *std::move(started), std::move(headers));
}

Task<Accepted<std::unique_ptr<authority::Turn>>> Completions::start(CallPtr call) {
    const auto& request = call->completion;
    authority::TurnRequest asked;
    asked.owner = call->record.owner;
    asked.probe = !call->record.probe.empty();
    asked.ephemeral = true;
    asked.traceparent = call->traceparent;
    asked.instructions = request->instructions;
    asked.seed = request->seed;
    asked.input = request->input;
    asked.effort = request->effort;
    asked.summary = request->summary;
    asked.model = lane_->config.names_model ? request->model : std::string();
    asked.output_schema = request->output_schema;
    asked.tools = request->tools;
    auto turn = co_await lane_->authority().start(std::move(asked));
    if (!turn) {
        answers_->log_start_failed(*call, turn.error());
        co_return reject_unstarted(turn.error());
    }
    co_return *std::move(turn);
}

std::unique_ptr<encode::TurnEncoder> Completions::encoder_for(
    const Call& call, Started& started, const std::shared_ptr<NewResponse>& unsaved
) const {
    const auto& request = *call.completion;
    const auto& host = lane_->host;
    encode::TextRoom room{
        .most = host->limits.turn_log_bytes,
        .all = std::shared_ptr<std::size_t>(host, &host->log_bytes)
    };
    std::unique_ptr<encode::WholeAnswer> whole;
    if (const auto& ask = request.responses) {
        encode::ResponseIdentity identity{
            .response = Json::object({{"id", call.record.thread}, {"object", "response"}}),
            .demands = request.demands,
            .reasoning = ask->summaries
        };
        identity.response["created_at"] = unix_now();
        identity.response.update(ask->echo);
        if (ask->store) {
            identity.on_response = [store = store_,
                                    owner = call.record.owner,
                                    before = ask->conversation,
                                    unsaved](const Json& response) {
                if (unsaved) {
                    *unsaved = {owner, before, response};
                } else {
                    store->keep(owner, response, before);
                }
            };
        }
        whole = encode::responses_answer(std::move(identity), request.stream, std::move(room));
    } else {
        encode::CompletionIdentity identity{
            .id = call.record.thread,
            .created = unix_now(),
            .model = request.model,
            .demands = request.demands
        };
        identity.demands.json = request.output_schema.has_value();
        if (request.stream) {
            return encode::completions_stream(
                std::move(identity), request.include_usage, std::move(room)
            );
        }
        whole = encode::completions_whole(std::move(identity), std::move(room));
    }
    started.whole = request.stream ? nullptr : whole.get();
    return whole;
}

Task<Accepted<Completions::Started>> Completions::begin(CallPtr call, Counted place) {
    auto& record = call->record;
    record.thread = (is_responses(*call) ? "resp_" : "chatcmpl-") + random_hex(16);
    OA_CO_TRY(
        auto lease, co_await lane_->turns.acquire(wish_of(*lane_, *call, key_of(record.thread)))
    );
    if (call->exchange->peer_gone()) {
        co_return reject_left();
    }
    TurnStyle style;
    style.resumable = false;
    if (lane_->shared) {
        OA_CO_TRY(
            style.place, co_await lane_->shared->take_place(record.owner, lane_->tokens.has_value())
        );
    }
    OA_CO_TRY(auto turn, co_await start(call));
    record.accepted_s = call->now_s();
    lane_->observer().turn_accepted(record.route, !record.probe.empty());
    Started started{};
    std::shared_ptr<NewResponse> unsaved;
    if (lane_->shared && is_responses(*call)) {
        unsaved = std::make_shared<NewResponse>();
        style.before_end = saves(unsaved);
    }
    style.encoder = encoder_for(*call, started, unsaved);
    started.turn = LiveTurn::begin(
        {lane_->executor,
         lane_->host,
         {record.route,
          record.request_id,
          record.owner,
          record.thread,
          call->received,
          end_of_body(call->request().body),
          !record.probe.empty()},
         std::move(turn),
         std::move(style)}
    );
    lease.commit(started.turn);
    place.hand_over(); // turn_ended() gives it back
    record.turn = started.turn->id();
    drop_request(*call);
    co_return started;
}

Task<void> Completions::whole(CallPtr call, Started started, net::Headers headers) {
    const Counted waiting(whole_answers_);
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
        co_return co_await answers_->refuse(std::move(call), reject_left());
    }
    const auto& result = started.whole->result();
    if (!result) {
        auto rejection =
            in_words_of(*call, reject_failed(result.error(), started.whole->summary().content));
        rejection.headers.set_all(headers);
        co_return co_await answers_->refuse(std::move(call), std::move(rejection));
    }
    auto response = json_response(200, *result);
    response.headers.set_all(headers);
    call->record.first_byte_s = call->now_s();
    co_await answers_->send(std::move(call), std::move(response));
}

void Completions::turn_ended(const TurnOutcome& outcome) noexcept {
    if (speaks_openai(outcome.route)) {
        running_.release();
    }
}

Task<void> Completions::models(CallPtr call) {
    if (auto passed = owner(*lane_, *call); !passed) {
        return answers_->refuse(std::move(call), std::move(passed).error());
    }
    const auto& id = call->match.id;
    const auto asked = id ? percent_decode(*id) : std::nullopt;
    Json list = Json::array();
    for (const auto& offered : offered_models(lane_->config)) {
        Json model{{"id", offered.id}, {"object", "model"}};
        model["created"] = created_;
        model["owned_by"] = "oa-stream";
        if (asked == offered.id) {
            return answers_->send(std::move(call), json_response(200, model));
        }
        list.push_back(std::move(model));
    }
    if (id) {
        auto rejection = reject_model(asked.value_or(*id));
        return answers_->refuse(std::move(call), std::move(rejection));
    }
    const Json body = Json::object({{"object", "list"}, {"data", std::move(list)}});
    return answers_->send(std::move(call), json_response(200, body));
}

Task<void> Completions::chat_models(CallPtr call) {
    if (auto passed = owner(*lane_, *call); !passed) {
        return answers_->refuse(std::move(call), std::move(passed).error());
    }
    const auto body = models_document(lane_->config, lane_->authority().capabilities());
    return answers_->send(std::move(call), json_response(200, body));
}

} // namespace oa_stream::lane
