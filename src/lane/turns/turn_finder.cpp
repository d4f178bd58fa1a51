// Finds a turn that exists already, because its request was sent before or its client comes back
// for it. Also writes the start of a turn to the store that lanes share.
#include "oa_stream/base/lists.hpp"

#include "chats/chat_request.hpp"
#include "replace_plan.hpp"
#include "shared/shared_lane.hpp"
#include "state.hpp"
#include "tools/call_results.hpp"
#include "turn_starter.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

bool is_of(const authority::PastTurn& turn, const ChatRequest& chat) {
    return !chat.user_message_id.empty() && turn.client_message_id == chat.user_message_id &&
           says_the_same(chat, turn);
}

/// The turn was lost with its process right after it began.
bool lacks_question(const authority::PastTurn& turn) {
    return !turn.running && turn.outcome != turn::Outcome::completed && !turn.client_message_id &&
           turn.user_text.empty() && turn.user_parts.empty();
}

/// This request's use of its Idempotency-Key. If no turn starts, the key is free for the client's
/// next try.
class KeyInUse {
public:
    KeyInUse(LaneState& lane, IdempotencyKeys& keys, const Call& call, std::weak_ptr<bool> alive)
        : lane_(&lane), keys_(&keys), alive_(std::move(alive)), open_(!call.key.empty()),
          use_{.owner = call.record.owner, .key = call.key, .attempt = call.key_attempt} {
        if (open_ && !lane_->shared) {
            keys_->begin(use_.owner, use_.key, call.request_digest);
        }
    }
    KeyInUse(const KeyInUse&) = delete;
    KeyInUse& operator=(const KeyInUse&) = delete;
    ~KeyInUse() {
        if (!open_ || alive_.expired()) {
            return;
        }
        if (lane_->shared) {
            lane_->shared->forget_key_later(std::move(use_));
        } else {
            keys_->forget(use_.owner, use_.key);
        }
    }
    void accept(const std::shared_ptr<LiveTurn>& turn) {
        if (std::exchange(open_, false) && !lane_->shared) {
            keys_->accept(use_.owner, use_.key, turn);
        }
    }
    /// No turn was begun. `answered_by`: the completed turn that answers this request, if any.
    Task<void> give_up(std::string answered_by) {
        if (!open_ || !lane_->shared) {
            co_return;
        }
        const bool answered =
            !answered_by.empty() &&
            (co_await lane_->shared->store().answer_key(use_, std::move(answered_by))).has_value();
        open_ = false;
        if (!answered) {
            co_await lane_->shared->forget_key(use_);
        }
    }

private:
    LaneState* lane_;
    IdempotencyKeys* keys_;
    std::weak_ptr<bool> alive_; ///< a request may outlive the lane
    bool open_;
    store::KeyRequest use_;
};

} // namespace

TurnHead TurnStarter::head_of(const Call& call, const authority::Turn& turn) const {
    return {
        .route = std::string(call.record.route),
        .request_id = call.record.request_id,
        .model = turn.model(),
        .approvals = asks_approvals(call),
        .calls = call.waits_for_calls,
        .probe = !call.record.probe.empty(),
        .message_id = call.chat.answer_id,
        .began_with = call.began_with
    };
}

Task<Accepted<SharedLane::Committed>> TurnStarter::commit_everywhere(
    std::string key, SharedHold* hold, const authority::Turn* turn, TurnHead head
) {
    if (!lane_->shared) {
        co_return SharedLane::Committed{};
    }
    co_return co_await lane_->shared->commit(
        hold, wire_id(turn->turn_id()), std::move(head), std::move(key)
    );
}

TurnStyle TurnStarter::shared_style(std::shared_ptr<TurnJournal> journal) const {
    TurnStyle style;
    style.journal = std::move(journal);
    if (const auto& written = style.journal) {
        lane_->shared->tell_of_readers(style, written->key(), written->turn());
    }
    return style;
}

Task<Accepted<void>> TurnStarter::await_start(CallPtr call, std::optional<Millis> most) {
    const auto& record = call->record;
    const auto until = Clock::now() + most.value_or(lane_->config.timings.start_wait);
    while (lane_->turns.starting(record.owner, record.thread) && Clock::now() < until) {
        if (call->exchange->peer_gone()) {
            co_return reject_left();
        }
        co_await sleep_for(k_turn_poll);
    }
    co_return Accepted<void>{};
}

Task<bool>
TurnStarter::await_first_turn(CallPtr call, std::string thread, std::optional<Millis> most) {
    const auto& owner = call->record.owner;
    if (!lane_->shared || lane_->ids().contains(owner, thread)) {
        co_return false;
    }
    co_return co_await lane_->shared->await_first_turn(
        owner,
        std::move(thread),
        [exchange = call->exchange] { return exchange->peer_gone(); },
        most
    );
}

/// Several pages may request the turn at once, for example after a restart. A second try finds it
/// for those that were not first, here or on the lane that took it.
Task<Accepted<std::shared_ptr<LiveTurn>>>
TurnStarter::find(CallPtr call, FoundFor purpose, std::optional<Millis> most) {
    auto found = co_await find_or_join(call, purpose, most);
    if (!found && found.error().code == "turn_in_progress") {
        found = co_await find_or_join(std::move(call), purpose, most);
    }
    co_return found;
}

Task<Accepted<std::shared_ptr<LiveTurn>>>
TurnStarter::find_or_join(CallPtr call, FoundFor purpose, std::optional<Millis> most) {
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    const bool joins = lane_->authority().capabilities().joins && !lane_->draining;
    const LiveTurns::Gone gone = [exchange = call->exchange] { return exchange->peer_gone(); };
    if (joins) {
        OA_CO_CHECK(co_await await_start(call, most));
    }
    if (lane_->shared) {
        auto found = co_await lane_->shared->find(owner, thread, gone, purpose, most);
        if (!found || *found || !joins) {
            co_return found;
        }
    }
    auto live = lane_->turns.find(owner, thread);
    const auto known = lane_->ids().find(owner, thread);
    if ((live && !(lane_->shared && live->ended())) || !joins || !known) {
        co_return live;
    }
    // Most threads have no such turn. This check changes nothing, here or in the store.
    const auto may_join = co_await lane_->authority().may_join(known->thread);
    if (!may_join && may_join.error().code != Code::not_found) {
        answers_->log_start_failed(*call, may_join.error());
        co_return reject_start(may_join.error());
    }
    if (!may_join || !*may_join) {
        co_return nullptr;
    }
    ThreadWish wish{.owner = owner, .thread = thread, .limited = false};
    wish.gone = gone;
    wish.supersedes = false;
    OA_CO_TRY(auto place, co_await take_thread(lane_, std::move(wish)));
    co_return co_await join(call, std::move(place));
}

Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::join(CallPtr call, ThreadPlace place) {
    const auto& owner = call->record.owner;
    const auto& thread = call->record.thread;
    const auto row = lane_->ids().find(owner, thread);
    if (!row) {
        co_return nullptr;
    }
    auto turn = co_await lane_->authority().join(row->thread, asks_approvals(*call));
    if (!turn && turn.error().code == Code::not_found) {
        co_return nullptr;
    }
    if (!turn) {
        answers_->log_start_failed(*call, turn.error());
        co_return reject_start(turn.error());
    }
    auto head = head_of(*call, **turn);
    head.route = k_usual_route;
    head.calls = lane_->config.allowed.tools;
    head.probe = false;
    if (const auto newest = co_await newest_turns(call, row->thread, 1);
        newest && !newest->empty()) {
        const auto& running = newest->front();
        if (head.message_id.empty()) {
            head.message_id = message_gone_on_with(running);
        }
        head.began_with = mapped(results_begun_with(running), digest_of_result);
    }
    // This request did not start the turn, so its key does not belong to it.
    auto shared = co_await commit_everywhere({}, place.shared_hold(), turn->get(), head);
    if (!shared) {
        (void)(*turn)->leave();
        co_return std::move(shared).error();
    }
    auto live = go_live(
        *call,
        {.route = k_usual_route,
         .request_id = call->record.request_id,
         .owner = owner,
         .thread = thread,
         .received = call->received,
         .taken_over = true},
        *std::move(turn),
        std::move(shared->journal),
        head
    );
    place.lease.commit(live);
    co_return live;
}

/// The turn that this Idempotency-Key started already; null when the key is new. Refused when that
/// turn was answered and can no longer be replayed: the key forbids a second run.
Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::earlier_turn(CallPtr call) {
    if (lane_->shared && !call->key.empty()) {
        co_return co_await earlier_turn_anywhere(call);
    }
    const auto& owner = call->record.owner;
    const auto until = Clock::now() + lane_->config.timings.start_wait;
    while (const auto* use = call->key.empty() ? nullptr : keys_.find(owner, call->key)) {
        if (use->request != call->request_digest) {
            co_return reject_other_request();
        }
        if (!use->turn.empty()) {
            auto live = use->live.lock();
            if (live && live->resumable(Clock::now())) {
                co_return live;
            }
            co_return reject_answered(use->turn);
        }
        if (Clock::now() >= until) {
            co_return reject_still_starting();
        }
        if (call->exchange->peer_gone()) {
            co_return reject_left();
        }
        co_await sleep_for(k_turn_poll);
    }
    co_return nullptr;
}

Task<Accepted<std::shared_ptr<LiveTurn>>> TurnStarter::earlier_turn_anywhere(CallPtr call) {
    OA_CO_TRY(const auto turn, co_await lane_->shared->find_key(call));
    if (!turn) {
        co_return nullptr;
    }
    OA_CO_TRY(auto live, co_await lane_->shared->find(call->record.owner, call->chat.thread));
    if (live && live->id() == *turn && live->repeatable()) {
        co_return live;
    }
    co_return reject_answered(*turn);
}

/// The thread's newest turn if it has this message: a replica started it and died before it
/// reported that. Unless it is reverted, the message would appear twice in the thread.
Task<Accepted<std::optional<authority::PastTurn>>>
TurnStarter::orphaned_turn(CallPtr call, std::string thread) {
    OA_CO_TRY(auto newest, co_await newest_turns(call, thread, 1));
    if (!newest.empty() && lacks_question(newest.front())) {
        OA_CO_TRY(newest, co_await newest_turns(call, std::move(thread), 1, true));
    }
    const bool same = !newest.empty() && is_of(newest.front(), call->chat);
    co_return same ? std::optional(std::move(newest.front())) : std::nullopt;
}

/// The request that used this key before died with its lane, and the key forbids to run it twice.
/// (Without a key, or under a new one, a repeated message requests another answer.) Refuses the
/// request when a later turn has completed its message. A turn in the id map is not from that
/// request, but may be the one to replace; turns up to `before` are older than it. Other messages
/// may have arrived since.
Task<Accepted<void>> TurnStarter::refuse_answered(CallPtr call, std::string thread, bool unsure) {
    const auto& before = call->key_before;
    if (!before && !unsure) {
        co_return Accepted<void>{}; // that request never reached the authority
    }
    OA_CO_TRY(
        const auto newest,
        co_await newest_turns(call, std::move(thread), before ? k_looked_through : 1)
    );
    const auto known = call->row.value_or(ThreadRow{}).last_turn;
    for (const auto& turn : newest) {
        if (before && turn.id == *before) {
            break;
        }
        if (is_of(turn, call->chat) && turn.id != known && !turn.running &&
            turn.outcome == turn::Outcome::completed) {
            call->answered_by = wire_id(turn.id);
            co_return reject_answered(call->answered_by);
        }
    }
    co_return Accepted<void>{};
}

/// Empty for a thread that the authority does not have.
Task<Accepted<std::vector<authority::PastTurn>>>
TurnStarter::newest_turns(CallPtr call, std::string thread, std::size_t count, bool loaded) {
    authority::TurnsQuery query{.thread = std::move(thread), .limit = count, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::question;
    query.loaded = loaded;
    auto page = co_await lane_->authority().turns_page(std::move(query));
    if (!page && page.error().code != Code::not_found) {
        answers_->log_start_failed(*call, page.error());
        co_return reject_start(page.error());
    }
    if (!page) {
        co_return std::vector<authority::PastTurn>();
    }
    std::ranges::for_each(page->turns, drop_results_ahead);
    co_return std::move(page->turns);
}

Task<Accepted<TurnStarter::Begun>> TurnStarter::begin(CallPtr call) {
    OA_CO_TRY(auto earlier, co_await earlier_turn(call));
    if (earlier) {
        co_return Begun{std::move(earlier), false};
    }
    KeyInUse key(*lane_, keys_, *call, alive_);
    auto turn = co_await begin_turn(call);
    if (!turn) {
        co_await key.give_up(call->answered_by);
        co_return std::move(turn).error();
    }
    key.accept(*turn);
    co_return Begun{*std::move(turn), true};
}

} // namespace oa_stream::lane
