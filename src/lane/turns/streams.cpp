#include "streams.hpp"

#include "oa_stream/net/oa_headers.hpp"

#include "approvals/accept_header.hpp"
#include "bodies/read_body.hpp"
#include "bodies/resend_sieve.hpp"
#include "bodies/surrogates.hpp"
#include "chats/paging.hpp"
#include "chats/thread_name.hpp"
#include "gates/gates.hpp"
#include "models.hpp"
#include "store/idempotency.hpp"
#include "tools/call_results.hpp"

#include <array>

namespace oa_stream::lane {

namespace {

/// How long stop() waits for a turn that is being started, or for a turn's end.
constexpr Millis k_stop_wait{2000};

constexpr std::string_view k_retired_canonical = "/api/runtime/codex/workers/:worker_id/requests";

/// The order is part of the contract: these gates, the body, open_for_turns.
constexpr std::array<Gate, 4> k_chat_gates{resend_size, compatibility, owner, content_type};
constexpr std::array<Gate, 2> k_thread_gates{owner, known_thread};
constexpr std::array<Gate, 3> k_stop_gates{body_size, owner, optional_type};

/// The retired bridge's answer, word for word: clients and operators recognise the rollback by it.
net::Response retired_answer(const Call& call) {
    Json bridge{
        {"method", "turn/start"},
        {"worker_id", call.chat.worker},
        {"request_id", call.record.request_id}
    };
    Json data{
        {"retired", true},
        {"stream_protocol", "disabled"},
        {"canonical", k_retired_canonical},
        {"bridge", std::move(bridge)},
        {"response", Json{{"thread_id", call.chat.thread}, {"status", "retired"}}}
    };
    auto response = json_response(200, Json{{"data", std::move(data)}});
    response.headers.set(net::k_retired_header, "true");
    response.headers.set(net::k_canonical_header, std::string(k_retired_canonical));
    response.headers.set(net::k_retired_protocol_header, "disabled");
    return response;
}

/// Fills in Call::chat and the Idempotency-Key. Changes nothing in the lane.
Accepted<void> read_chat(const Json& body, const ChatRequestContext& context, Call& call) {
    OA_TRY(auto chat, read_chat_request(body, context));
    OA_TRY(auto key, idempotency_key_of(call.request().headers));
    call.chat = std::move(chat);
    if (auto& given = key) {
        call.key = *std::move(given);
        // An id that the lane made up for this request must not change the digest.
        call.request_digest =
            request_digest(call.chat.thread_made ? "" : call.chat.thread, call.request().body);
    }
    return {};
}

/// Of the members that the operator allows, those that the authority accepts.
LaneAllowed honoured(LaneAllowed allowed, const authority::Capabilities& able) {
    allowed.system = allowed.system && able.developer;
    return allowed;
}

/// The request has decisions or results for a waiting turn.
bool decides(const Call& call) {
    return !call.chat.approvals.empty() || call.chat.answers_calls;
}

Streams::Reply nothing_to_resume() {
    Streams::Reply nothing;
    nothing.whole.status = 204;
    nothing.whole.headers.set("cache-control", "no-store");
    return nothing;
}

/// `turn`: null when no turn can be named.
Streams::Reply stop_reply(const Call& call, const LiveTurn* turn, std::string_view status) {
    Json data = Json::object();
    data["id"] = *read_path_id(call.match.id.value_or(""));
    data["turnId"] = turn != nullptr ? Json(turn->id()) : Json(nullptr);
    data["status"] = status;
    return {.whole = json_response(200, Json{{"data", std::move(data)}})};
}

} // namespace

Task<Accepted<void>> Streams::accept(CallPtr call) {
    auto sieve = std::make_unique<ResendSieve>(ResendSieve::Newest::marked);
    OA_CO_CHECK(co_await admit(*lane_, call, k_chat_gates, std::move(sieve)));
    const auto& limits = lane_->config.limits;
    const auto able = lane_->authority().capabilities();
    const auto models = offered_models(lane_->config);
    const ChatRequestContext context{
        .path_id = call->match.id,
        .query = call->request().query,
        .text_chars = limits.text_chars,
        .images = able.images,
        .messages = limits.messages,
        .worker = able.worker,
        .extras =
            {.allowed = honoured(lane_->config.allowed, able),
             .models = models,
             .known = able.models,
             .model = lane_->config.model,
             .strict = lane_->config.strict_body}
    };
    BodyUse use = [&](const Json& body) { return read_chat(body, context, *call); };
    const auto half_in_new = [&](const Json& body) {
        const auto chat = read_chat_request(body, context);
        return chat && chat->text.contains(k_half_character);
    };
    const BodyKeep keep{chat_request_names(), extras_names(), k_named_levels, half_in_new};
    OA_CO_CHECK(co_await read_body(lane_, call, keep, std::move(use)));
    if (call->chat.answers_calls || call->chat.more) { // both may be any JSON value
        std::vector<std::string> unused;
        BodyUse rest = [&](const Json& whole) -> Accepted<void> {
            if (call->chat.answers_calls) {
                call->chat.results = read_call_results(whole, call->chat.results_at);
            } else {
                unused = unused_members(whole, call->chat);
            }
            return {};
        };
        const auto newest = call->chat.whole_list ? std::optional(call->chat.newest) : std::nullopt;
        const auto at = call->chat.answers_calls ? call->chat.results_at : newest;
        OA_CO_CHECK(co_await read_body(lane_, call, keep_message(at), std::move(rest)));
        OA_CO_CHECK(ignore_first(call->chat.extras, lane_->config.strict_body, unused));
    }
    call->record.thread = call->chat.thread;
    // Decisions for live turns are accepted even when the lane accepts no new turns: live turns end
    // as usual. A draining lane accepts them only if it shares a store, for as long as requests
    // still reach it.
    if (decides(*call) && (lane_->shared || !lane_->draining)) {
        co_return Accepted<void>{};
    }
    co_return open_for_turns(*lane_, *call);
}

Task<Accepted<Streams::Reply>> Streams::chat(CallPtr call) {
    OA_CO_CHECK(co_await accept(call));
    const bool retired = lane_->config.mode == LaneMode::retired;
    const bool live = lane_->turns.find(call->record.owner, call->chat.thread) != nullptr;
    const bool regenerates =
        call->chat.answers_calls && call->chat.regenerate; // no turn waits for these results
    if (decides(*call) && !regenerates && (live || !retired)) {
        co_return co_await answer_turn(std::move(call));
    }
    co_return co_await start(std::move(call));
}

Task<Accepted<Streams::Reply>> Streams::start(CallPtr call) {
    // A request that was admitted for its decisions must not begin a new turn on a lane that
    // accepts none.
    OA_CO_CHECK(open_for_turns(*lane_, *call));
    if (lane_->config.mode == LaneMode::retired) {
        co_return Reply{.whole = retired_answer(*call)};
    }
    OA_CO_TRY(auto begun, co_await starter_.begin(std::move(call)));
    if (!begun.first) {
        OA_CO_CHECK(co_await room_to_read(begun.turn));
    }
    co_return Reply{.turn = std::move(begun.turn), .first = begun.first};
}

Task<void> Streams::serve(CallPtr call, Handler handler) {
    auto reply = co_await (this->*handler)(call);
    if (!reply) {
        co_return co_await answers_->refuse(std::move(call), std::move(reply).error());
    }
    auto& turn = reply->turn;
    if (!turn) {
        co_return co_await answers_->send(std::move(call), std::move(reply->whole));
    }
    net::Headers headers{
        {"x-vercel-ai-ui-message-stream", "v1"},
        {net::k_thread_header, turn->identity().thread},
        {net::k_turn_header, turn->id()},
    };
    note_ignored(headers, call->chat.extras.ignored);
    co_await answers_->stream(
        std::move(call), std::move(turn), std::move(headers), reply->first, reply->segment
    );
}

Task<Accepted<void>> Streams::room_to_read(std::shared_ptr<LiveTurn> turn) {
    const auto readers = lane_->shared ? co_await lane_->shared->readers_of(turn) : turn->readers();
    if (readers >= lane_->config.limits.readers_per_turn) {
        co_return with_retry_after(
            reject(429, "rate_limited", "this turn has too many readers"), 5
        );
    }
    co_return Accepted<void>{};
}

/// Passes decisions and results to the waiting turn. Results that it no longer accepts begin the
/// next turn.
Task<Accepted<Streams::Reply>> Streams::answer_turn(CallPtr call) {
    if (lane_->shared && !call->match.id &&
        !co_await lane_->shared->refresh(call->record.owner, call->chat.thread) &&
        !lane_->ids().contains(call->record.owner, call->chat.thread)) {
        co_return reject_unknown_for_now();
    }
    const auto here = lane_->turns.find(call->record.owner, call->chat.thread);
    OA_CO_TRY(auto turn, co_await starter_.find(call, FoundFor::deciding));
    if (turn && turn->expired(Clock::now())) { // it stays in the store for longer
        turn.reset();
    }
    const bool results = call->chat.answers_calls;
    if (!turn && results) { // without a turn, decisions in the same request have no effect
        co_return co_await start(std::move(call));
    }
    if (!turn) {
        co_return invalid_field("messages", "no turn of this conversation waits for an approval");
    }
    OA_CO_CHECK(co_await starter_.name_settled(call, turn));
    const auto until = Clock::now() + k_stop_wait;
    // A turn that was just joined has not asked yet; one that is being stopped accepts none
    const auto unsure = [&] {
        const bool soon = turn->stopping() || (turn != here && !turn->waiting());
        return turn->unsure(call->chat.approvals, call->chat.results) ||
               (results && soon && !turn->ended());
    };
    while (unsure() && Clock::now() < until) {
        co_await sleep_for(k_turn_poll);
    }
    OA_CO_CHECK(co_await room_to_read(turn)); // check this before anything is decided
    const auto segment =
        turn->relayed() && !turn->ended()
            ? co_await lane_->shared->decide(turn, call->chat.approvals, call->chat.results)
            : turn->answer(call->chat.approvals, call->chat.results);
    const bool answered = !segment && segment.error().code == "already_answered";
    if (!segment && results && turn->ended() && !answered) {
        co_return co_await start(std::move(call));
    }
    OA_CO_CHECK(segment);
    co_return Reply{.turn = turn, .segment = *segment};
}

Task<Accepted<Streams::Reply>> Streams::resume(CallPtr call) {
    auto found = pass_gates(*lane_, *call, k_thread_gates);
    const auto id = read_path_id(call->match.id.value_or(""));
    const bool unknown = !found && found.error().status == 404 && id;
    if (unknown && co_await starter_.await_first_turn(call, *id)) {
        found = pass_gates(*lane_, *call, k_thread_gates);
    }
    if (!found) {
        // A page requests a resume when it opens a chat, even a new one that it has only just
        // named. useChat treats everything but 200 and 204 as an error, and every new chat would
        // begin with it.
        if (found.error().status == 404) {
            co_return nothing_to_resume();
        }
        co_return std::move(found).error();
    }
    // The page may have been reloaded before its turn was accepted: no other reader gets that turn.
    if (!lane_->authority().capabilities().joins) { // otherwise find() waits
        OA_CO_CHECK(co_await starter_.await_start(call));
    }
    OA_CO_TRY(auto turn, co_await starter_.find(call));
    // Six of the nine client releases in the tests append the replay of a resume to a message that
    // they have already, so its text appears twice (the latest ones replace it). Therefore an ended
    // turn is replayed only while a client may lack its end: docs/chats.md.
    const bool nothing_missing =
        turn && ((turn->ended() && !turn->owed()) || turn->read_waiting() || turn->read_whole());
    if (!turn || nothing_missing || !turn->resumable(Clock::now())) {
        co_return nothing_to_resume();
    }
    OA_CO_CHECK(co_await room_to_read(turn));
    // Replicas may differ in whether they ask for approvals: a reader here may get a turn that
    // another replica asked in.
    call->unasked = !accepts_approvals(call->request().headers);
    co_return Reply{.turn = std::move(turn)};
}

/// Stops a turn that another lane is starting; reports whether there is one, and its state.
Task<SharedLane::Start>
Streams::stop_start(CallPtr call, Clock::time_point until, std::string turn) {
    const auto id = read_path_id(call->match.id.value_or(""));
    if (!lane_->shared || !id) {
        co_return SharedLane::Start::none;
    }
    const auto owner = call->record.owner;
    const auto start = co_await lane_->shared->stop_start(owner, *id, until, std::move(turn));
    if (start == SharedLane::Start::over && !lane_->ids().contains(owner, *id)) {
        co_await lane_->shared->refresh(owner, *id);
    }
    co_return start;
}

Task<Accepted<Streams::Reply>> Streams::stop(CallPtr call) {
    OA_CO_CHECK(co_await admit(*lane_, call, k_stop_gates));
    const auto until = Clock::now() + k_stop_wait;
    // A page whose stop comes late means a turn that is over, not the one behind it.
    const auto turn_id = query_parameter(call->request().query, "turnId").value_or("");
    const auto start = co_await stop_start(call, until, turn_id);
    if (start == SharedLane::Start::unknown) {
        co_return reject_store_away();
    }
    if (start == SharedLane::Start::under_way) {
        co_return stop_reply(*call, nullptr, "stopping");
    }
    OA_CO_CHECK(known_thread(*lane_, *call));
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    // A stop that arrives before its turn was accepted must not be lost. A turn with an id was.
    while (turn_id.empty() && lane_->turns.starting(owner, thread) && Clock::now() < until) {
        co_await sleep_for(k_turn_poll);
    }
    if (turn_id.empty() && lane_->turns.stop_start(owner, thread)) {
        co_return stop_reply(*call, nullptr, "stopping");
    }
    OA_CO_TRY(const auto turn, co_await starter_.find(call, FoundFor::stopping, k_stop_wait));
    const bool meant = turn && (turn_id.empty() || turn->id() == turn_id);
    const bool live = meant && (!turn->ended() || start == SharedLane::Start::over);
    if (!live && lane_->shared && !lane_->shared->store().trouble().empty()) {
        co_return reject_unknown_for_now();
    }
    if (live) {
        turn->stop(StopReason::stopped);
        while (!turn->ended() && Clock::now() < until) {
            co_await turn->wait_change(until);
        }
        call->record.turn = turn->id();
    }
    if (live && !turn->ended() && lane_->shared && !co_await lane_->shared->promise_stop(turn) &&
        turn->relayed()) {
        co_return reject_store_away();
    }
    const auto* const status = !live ? "idle" : turn->ended() ? "stopped" : "stopping";
    co_return stop_reply(*call, live ? turn.get() : nullptr, status);
}

} // namespace oa_stream::lane
