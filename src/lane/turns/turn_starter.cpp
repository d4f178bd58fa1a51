#include "turn_starter.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/ui_encoder.hpp"

#include "chats/projection.hpp"
#include "redact_quotes.hpp"
#include "replace_plan.hpp"

namespace oa_stream::lane {

namespace {

/// How long a repeated request waits for the first one's turn to be accepted.
constexpr Millis k_start_wait{30000};
constexpr Millis k_poll{10};

/// A turn that is taken over counts where such turns begin.
constexpr std::string_view k_joined_route = telemetry::k_turn_routes.front().pattern;
constexpr std::size_t k_most_systems = 10'000;

constexpr std::string_view k_accept = "tool-approval";

/// One of the comma separated words of x-oa-accept.
bool accepts_approvals(const net::Headers& headers) {
    auto rest = headers.get("x-oa-accept").value_or("");
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        if (to_lower(trim(rest.substr(0, comma))) == k_accept) {
            return true;
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
}

std::string message_digest(const ChatRequest& chat) {
    return sha256_hex(chat.user_message_id + '\n' + chat.text).substr(0, 32);
}

} // namespace

/// Nothing else on the wire tells AI SDK 6 from 5, which refuses the chunk.
bool TurnStarter::asks_approvals(const Call& call) const {
    return lane_->config.approvals == Approvals::ask && accepts_approvals(call.request().headers) &&
           lane_->authority().capabilities().approvals;
}

void TurnStarter::seed_new_thread(Call& call, authority::TurnRequest& request) const {
    request.thread.reset();
    request.revert_from_turn.reset();
    request.seed.clear();
    call.seeded = 0;
    if (!lane_->authority().capabilities().can_seed) {
        return;
    }
    call.seeded = call.chat.earlier.size();
    for (const auto& message : call.chat.earlier) {
        if (!trim(message.text).empty()) {
            request.seed.push_back({message.role, message.text});
        }
    }
}

/// The client sends its newest message again (a library's retry, a proxy's): its turn is replaced,
/// so that the message does not stand in the thread twice. Clients that give every message the same
/// id are told apart by the text.
bool TurnStarter::repeats_newest(const Call& call) const {
    return call.row && !call.chat.user_message_id.empty() && !call.row->last_turn.empty() &&
           call.row->last_message == message_digest(call.chat) &&
           lane_->authority().capabilities().can_revert;
}

/// From the newest back to the one that the request names, in the thread's order; all of them when
/// it names none.
Task<Result<std::vector<authority::PastTurn>>>
TurnStarter::turns_to_replace(CallPtr call, std::string thread) {
    authority::TurnsQuery query{.thread = std::move(thread), .limit = 20, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::question;
    std::vector<authority::PastTurn> read;
    while (true) {
        auto page = co_await lane_->authority().turns_page(query);
        if (!page) {
            co_return std::unexpected(std::move(page).error());
        }
        for (auto& turn : page->turns) {
            if (query.from.empty() || turn.id != query.from) {
                read.push_back(std::move(turn));
            }
        }
        if (!page->more || read.empty() || names_turn(call->chat, read)) {
            break;
        }
        query.from = read.back().id;
        query.limit = 100;
    }
    std::ranges::reverse(read);
    co_return read;
}

Task<Accepted<authority::TurnRequest>> TurnStarter::make_turn_request(CallPtr call) {
    authority::TurnRequest request;
    request.owner = call->record.owner;
    request.input = call->chat.input;
    request.traceparent = call->traceparent;
    request.client_message_id = call->chat.user_message_id;
    request.ask_approvals = asks_approvals(*call);
    request.effort = call->chat.extras.effort;
    request.model = call->chat.extras.model;
    if (request.model.empty() && lane_->config.names_model) {
        request.model = lane_->config.model;
    }
    call->row = lane_->ids().find(call->record.owner, call->chat.thread);
    if (call->row) {
        request.thread = call->row->thread;
    }
    if (!request.thread || !asks_to_replace(call->chat)) {
        if (!request.thread) {
            seed_new_thread(*call, request);
        } else if (const auto& row = call->row; row && repeats_newest(*call)) {
            request.revert_from_turn = row->last_turn;
        }
        co_return request;
    }
    const auto turns = co_await turns_to_replace(call, *request.thread);
    if (!turns && turns.error().code == Code::not_found) {
        seed_new_thread(*call, request);
        co_return request;
    }
    if (!turns) {
        co_return std::unexpected(reject_start(turns.error()));
    }
    const auto& row = call->row;
    const auto plan = plan_replace(call->chat, *turns, row ? row->seeded : 0);
    if (!plan) {
        co_return std::unexpected(plan.error());
    }
    const auto able = lane_->authority().capabilities();
    const bool revert = plan->kind == ReplacePlan::Kind::revert;
    const bool reseed = plan->kind == ReplacePlan::Kind::reseed;
    if ((revert && !able.can_revert) || (reseed && !able.can_seed)) {
        co_return std::unexpected(reject_regenerate("this assistant cannot replace earlier messages"
        ));
    }
    if (revert) {
        request.revert_from_turn = plan->from_turn;
    } else if (reseed) {
        seed_new_thread(*call, request);
    }
    co_return request;
}

/// Pages send their system prompt with every request: the thread is told it once, and again when it
/// has changed or what was said of it may be gone.
void TurnStarter::tell_system(const Call& call, authority::TurnRequest& request) const {
    const auto& system = call.chat.extras.system;
    const auto told = request.thread ? systems_.find(*request.thread) : systems_.end();
    const bool known = told != systems_.end() && told->second == sha256_hex(system);
    request.developer = known && !request.revert_from_turn ? std::string() : system;
}

void TurnStarter::note_system(const Call& call, const std::string& thread) {
    if (call.chat.extras.system.empty()) {
        return;
    }
    if (systems_.size() >= k_most_systems) {
        systems_.clear();
    }
    systems_[thread] = sha256_hex(call.chat.extras.system);
}

Task<Accepted<std::unique_ptr<authority::Turn>>> TurnStarter::start_turn(CallPtr call) {
    auto request = co_await make_turn_request(call);
    if (!request) {
        co_return std::unexpected(std::move(request).error());
    }
    const bool known = request->thread.has_value();
    if (!known && !co_await lane_->ids().writable()) {
        co_return std::unexpected(reject_unstored());
    }
    const bool replaces = request->revert_from_turn.has_value();
    tell_system(*call, *request);
    auto turn = co_await lane_->authority().start(*request);
    if (!turn && turn.error().code == Code::precondition && !asks_to_replace(call->chat) &&
        request->revert_from_turn) {
        request->revert_from_turn.reset(); // the turn to replace never got into the thread
        turn = co_await lane_->authority().start(*request);
    }
    if (!turn && turn.error().code == Code::not_found && known) {
        // The authority lost the thread (its state was removed): go on with what the client holds.
        answers_->log_event(
            LogLevel::warn,
            "thread_lost",
            Json{{"request_id", call->record.request_id}, {"thread", call->chat.thread}}
        );
        seed_new_thread(*call, *request);
        tell_system(*call, *request);
        turn = co_await lane_->authority().start(*std::move(request));
    }
    if (turn) {
        note_system(*call, (*turn)->thread_id());
    }
    if (!turn) {
        answers_->log_start_failed(*call, turn.error());
        co_return std::unexpected(reject_start(turn.error(), replaces));
    }
    co_return *std::move(turn);
}

/// A new thread is on disk before anybody reads a byte of its first answer: a lane that dies then
/// must still know it.
Task<Accepted<void>> TurnStarter::remember_thread(CallPtr call, const authority::Turn* turn) {
    auto& ids = lane_->ids();
    const auto& owner = call->record.owner;
    const auto& id = call->chat.thread;
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    Result<void> stored{};
    if (call->row && call->row->thread == turn->thread_id()) {
        if (auto row = *call->row; row.title.empty()) { // made without one
            row.title = short_title(call->chat.text);
            ids.describe(row);
        }
        ids.touch(owner, id, now);
        ids.archive(owner, id, false); // what goes on is listed again
    } else {
        ThreadRow row{owner, id, turn->thread_id(), call->seeded};
        row.title = short_title(call->row ? call->row->title : call->chat.text);
        row.created_at = row.updated_at = now;
        ids.put(row);
        stored = co_await ids.commit();
    }
    if (!stored) {
        ids.undo(owner, id, call->row);
        co_return std::unexpected(reject_unstored());
    }
    ids.note_turn(owner, id, message_digest(call->chat), turn->turn_id());
    co_return Accepted<void>{};
}

std::shared_ptr<LiveTurn> TurnStarter::go_live(
    const Call& call, TurnIdentity identity, std::unique_ptr<authority::Turn> turn
) const {
    const auto id = wire_id(turn->turn_id());
    TurnStyle style;
    style.encoder = std::make_unique<encode::UiEncoder>(encode::UiEncoderOptions{
        .thread = identity.thread,
        .message_id = id,
        .turn = id,
        .model = call.chat.extras.model.empty() ? turn->model() : call.chat.extras.model,
        .ignored = call.chat.extras.ignored,
        .approvals = asks_approvals(call)
    });
    style.approvals = asks_approvals(call);
    return LiveTurn::begin(
        lane_->executor, lane_->host, std::move(identity), std::move(turn), std::move(style)
    );
}

Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::find(CallPtr call) {
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    const auto until = Clock::now() + k_start_wait;
    const bool joins = lane_->authority().capabilities().outlives && !lane_->draining;
    while (joins && lane_->turns.starting(owner, thread) && Clock::now() < until) {
        co_await sleep_for(k_poll);
    }
    auto live = lane_->turns.find(owner, thread);
    const auto row = lane_->ids().find(owner, thread);
    if (live || !joins || !row) {
        co_return live;
    }
    auto lease = co_await lane_->turns.acquire(
        owner,
        thread,
        lane_->tokens.has_value(),
        [exchange = call->exchange] { return exchange->peer_gone(); }
    );
    if (!lease) {
        co_return std::unexpected(std::move(lease).error());
    }
    auto turn = co_await lane_->authority().join(row->thread);
    if (!turn && turn.error().code == Code::not_found) {
        co_return nullptr;
    }
    if (!turn) {
        answers_->log_start_failed(*call, turn.error());
        co_return std::unexpected(reject_start(turn.error()));
    }
    lane_->observer().turn_accepted(k_joined_route, false);
    live = go_live(
        *call,
        {k_joined_route, call->record.request_id, owner, thread, call->received, {}},
        *std::move(turn)
    );
    lease->commit(live);
    co_return live;
}

Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::begin_turn(CallPtr call) {
    auto lease = co_await lane_->turns.acquire(
        call->record.owner,
        call->chat.thread,
        lane_->tokens.has_value(),
        [exchange = call->exchange] { return exchange->peer_gone(); }
    );
    if (!lease) {
        co_return std::unexpected(std::move(lease).error());
    }
    if (call->exchange->peer_gone()) {
        co_return std::unexpected(reject(499, "client_closed_request", "the client left"));
    }
    auto turn = co_await start_turn(call);
    if (!turn) {
        co_return std::unexpected(std::move(turn).error());
    }
    // Dropping the turn ends it.
    if (auto stored = co_await remember_thread(call, turn->get()); !stored) {
        co_return std::unexpected(std::move(stored).error());
    }
    call->record.accepted_s = call->now_s();
    lane_->observer().turn_accepted(call->record.route, !call->record.probe.empty());
    auto live = go_live(
        *call,
        {call->record.route,
         call->record.request_id,
         call->record.owner,
         call->chat.thread,
         call->received,
         end_of_body(call->request().body),
         !call->record.probe.empty()},
        *std::move(turn)
    );
    lease->commit(live);
    co_return live;
}

/// The turn that this Idempotency-Key started already; null when the key is new. A request that was
/// answered and can no longer be replayed is refused: running it again is what the key forbids.
Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::earlier_turn(CallPtr call) {
    const auto& owner = call->record.owner;
    const auto until = Clock::now() + k_start_wait;
    while (const auto* use = call->key.empty() ? nullptr : keys_.find(owner, call->key)) {
        if (use->request != call->request_digest) {
            co_return std::unexpected(
                invalid_field("idempotency-key", "this key was used for another request")
            );
        }
        if (!use->turn.empty()) {
            auto live = use->live.lock();
            if (live && live->resumable(Clock::now())) {
                co_return live;
            }
            auto rejection = reject(409, "already_answered", "this request was answered already");
            rejection.details["turnId"] = use->turn;
            rejection.headers.set("x-should-retry", "false");
            co_return std::unexpected(std::move(rejection));
        }
        if (Clock::now() >= until) {
            co_return std::unexpected(with_retry_after(
                reject(409, "turn_in_progress", "this request is still being started"), 2
            ));
        }
        co_await sleep_for(k_poll);
    }
    co_return nullptr;
}

Task<Accepted<TurnStarter::Begun>> TurnStarter::begin(CallPtr call) {
    auto earlier = co_await earlier_turn(call);
    if (!earlier) {
        co_return std::unexpected(std::move(earlier).error());
    }
    if (*earlier) {
        co_return Begun{*std::move(earlier), false};
    }
    const auto& owner = call->record.owner;
    if (!call->key.empty()) {
        keys_.begin(owner, call->key, call->request_digest);
    }
    auto turn = co_await begin_turn(call);
    if (!call->key.empty() && turn) {
        keys_.accept(owner, call->key, *turn);
    } else if (!call->key.empty()) {
        keys_.forget(owner, call->key);
    }
    if (!turn) {
        co_return std::unexpected(std::move(turn).error());
    }
    co_return Begun{*std::move(turn), true};
}

} // namespace oa_stream::lane
