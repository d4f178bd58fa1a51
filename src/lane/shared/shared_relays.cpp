// A turn that runs on another replica: finds, reads and stops it from here.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "relay_turn.hpp"
#include "shared_lane.hpp"
#include "state.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr int k_looks = 3;

} // namespace

TurnHead read_head(const std::string& text) {
    TurnHead out;
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return out;
    }
    out.route = string_member(json, "route").value_or("");
    out.request_id = string_member(json, "request_id").value_or("");
    out.model = string_member(json, "model").value_or("");
    out.approvals = bool_member(json, "approvals").value_or(false);
    out.calls = bool_member(json, "calls").value_or(false);
    out.probe = bool_member(json, "probe").value_or(false);
    out.message_id = text_in(json, "message");
    out.began_with = mapped(list_in(json, "began_with"), [](const Json& one) {
        return ResultDigest{text_in(one, "call"), text_in(one, "digest")};
    });
    return out;
}

Task<Accepted<std::shared_ptr<LiveTurn>>>
SharedLane::relay_of(store::ThreadKey key, store::Holding holding, FoundFor purpose) {
    // A turn that has ended is read once and not followed.
    const bool follows = holding.phase != store::Phase::ended;
    if (const auto known = relays_.find(holding.turn); known != relays_.end()) {
        const auto& turn = *known->second.turn;
        if (!follows || !turn.ended() || !turn.gone()) {
            co_return known->second.turn;
        }
        relays_.erase(known); // its frames were lost here, but it still runs
    }
    // A client that decides reads a turn that stands still until then: it must not wait for other
    // turns to end.
    const auto crowded = [&] {
        return follows && purpose != FoundFor::deciding &&
               (std::cmp_greater_equal(running_relays(), store_->options().tails) ||
                lane_->host->full());
    };
    if (crowded() && purpose == FoundFor::reading) {
        co_return reject_full();
    }
    const auto log = co_await store_->read(holding.turn);
    if (const auto known = relays_.find(holding.turn); known != relays_.end()) {
        co_return known->second.turn;
    }
    const bool full = crowded(); // other requests may have been first
    if (full && purpose == FoundFor::reading) {
        co_return reject_full();
    }
    if (!log) {
        co_return reject_store_away();
    }
    const bool whole = log->whole() && !full;
    if (!follows && (log->entries.empty() || !log->entries.back().last())) {
        co_return nullptr; // no replica has the turn's end any more
    }
    if (!whole && !(holding.alive && holding.phase == store::Phase::live)) {
        co_return nullptr;
    }
    const auto head = whole ? read_head(log->entries.front().head) : TurnHead{};
    auto remote =
        std::make_unique<RelayTurn>(lane_->executor, *store_, key, holding.turn, head.model);
    TurnStyle style;
    style.began_with = head.began_with;
    tell_of_readers(style, key, holding.turn);
    auto turn = LiveTurn::relay(
        {lane_->executor,
         lane_->host,
         {k_usual_route, head.request_id, key.owner, key.id, Clock::now(), {}, head.probe},
         std::move(remote),
         std::move(style)}
    );
    auto& relay = relays_[holding.turn] =
        Relay{turn, std::move(key), {holding.turn, 0, 0}, 0, !whole};
    if (whole) {
        feed(relay, log->entries, holding.ended_ago);
        wake_followers();
    } else { // it can be stopped, but not read
        turn->relay_unread();
    }
    count_relays();
    co_return turn;
}

void SharedLane::tell_of_readers(
    TurnStyle& style, const store::ThreadKey& key, const std::string& turn
) {
    style.on_readers = [this, alive = alive_, key, turn] {
        if (*alive) {
            tell_readers(key, turn);
        }
    };
    style.on_left = [this, alive = alive_, key, turn] {
        if (*alive) { // the client may come back to any lane, which then has to send the end
            spawn(
                lane_->executor,
                "reader left",
                [](store::Store* store, store::ThreadKey row, std::string turn) -> Task<void> {
                    (void)co_await store->note_left(std::move(row), std::move(turn));
                }(store_, key, turn)
            );
        }
    };
}

/// A turn that was first relayed and then adopted has readers in both places.
void SharedLane::tell_readers(const store::ThreadKey& key, const std::string& turn) {
    std::size_t count = 0;
    if (const auto relay = relays_.find(turn); relay != relays_.end()) {
        const auto& live = relay->second.turn;
        count = live->readers();
        if (std::exchange(relay->second.readers, count) == 0 && count > 0 && !live->ended()) {
            tell_holder(key, turn);
        }
    }
    if (const auto held = held_.find(turn); held != held_.end()) {
        const auto live = held->second.turn.lock();
        count += live ? live->readers() : 0;
    }
    store_->tell_readers(turn, count);
}

/// Tells the turn's replica that it has readers here, so that it does not delay its writes.
void SharedLane::tell_holder(store::ThreadKey key, std::string turn) {
    spawn(
        lane_->executor,
        "turn read",
        [](store::Store* store, store::ThreadKey row, store::Wanted what) -> Task<void> {
            (void)co_await store->pass(std::move(row), std::move(what));
        }(store_, std::move(key), {.turn = std::move(turn), .reason = std::string(store::k_read)})
    );
}

void SharedLane::feed(Relay& relay, const std::vector<store::LogEntry>& entries, Millis ended_ago) {
    for (const auto& entry : entries) {
        auto& at = relay.at;
        if (relay.turn->ended() ||
            (entry.end <= at.end && entry.fence <= at.fence && at.fence != 0)) {
            continue;
        }
        if (entry.end - entry.bytes.size() != at.end || entry.fence < at.fence) {
            ++store_->turns.gaps; // the log was begun again or lost its middle
            relay.turn->relay_lost();
            return;
        }
        const bool others =
            // Another replica adopted the turn and does not know of these readers
            at.fence != 0 && entry.fence != at.fence;
        if (others && relay.turn->readers() > 0) {
            tell_holder(relay.key, at.turn);
        }
        at.fence = entry.fence;
        at.end = entry.end;
        const auto outcome = Json::parse(entry.outcome, nullptr, false);
        const bool owed = outcome.is_object() && outcome.value("owed", false);
        relay.turn->relay(entry.bytes, entry.last(), owed, ended_ago);
    }
}

/// The live turn of this lane; null when the store's row means another one.
std::shared_ptr<LiveTurn>
SharedLane::own_turn(const store::ThreadKey& key, const Result<store::ThreadState>& row) const {
    auto own = lane_->turns.find(key.owner, key.id);
    if (!own || own->gone()) {
        return nullptr;
    }
    if (row && own->ended() && own->id() != row->holding.turn) {
        return nullptr;
    }
    if (row) {
        own->history_read(row->read);
    }
    return own;
}

Task<Accepted<std::shared_ptr<LiveTurn>>> SharedLane::find(
    std::string owner,
    std::string thread,
    LiveTurns::Gone gone,
    FoundFor purpose,
    std::optional<Millis> most
) {
    const store::ThreadKey key{owner, thread};
    const auto until = Clock::now() + most.value_or(lane_->config.timings.start_wait);
    for (int looks = 0;;) {
        const auto state = co_await store_->look(key);
        if (auto own = own_turn(key, state)) {
            co_return own;
        }
        if (!state) {
            co_return reject_store_away();
        }
        const auto& holding = state->holding;
        const bool dead = !holding.session.empty() && !holding.alive;
        if (dead && looks < k_looks) {
            looks = co_await settle(key) ? looks + 1 : k_looks;
            continue;
        }
        if (holding.alive && holding.phase == store::Phase::starting && Clock::now() < until) {
            if (gone()) {
                co_return reject_left();
            }
            co_await sleep_for(k_store_poll);
            continue;
        }
        if (holding.turn.empty()) {
            co_return nullptr;
        }
        co_return co_await read_from(key, *state, purpose);
    }
}

Task<bool> SharedLane::await_first_turn(
    std::string owner, std::string thread, LiveTurns::Gone gone, std::optional<Millis> most
) {
    const auto until = Clock::now() + most.value_or(lane_->config.timings.start_wait);
    while (true) {
        const auto state = co_await store_->look({owner, thread});
        if (!state || !state->holding.alive) {
            co_return false;
        }
        const bool starting = state->holding.phase == store::Phase::starting;
        if (!starting || Clock::now() >= until || gone()) {
            break;
        }
        co_await sleep_for(k_store_poll);
    }
    (void)co_await refresh(owner, thread);
    co_return lane_->ids().contains(owner, thread);
}

Task<Accepted<std::shared_ptr<LiveTurn>>>
SharedLane::read_from(store::ThreadKey key, store::ThreadState state, FoundFor purpose) {
    auto turn = co_await relay_of(key, state.holding, purpose);
    if (turn && *turn) {
        (*turn)->history_read(state.read);
    } else if (turn) { // a search at the authority must not continue this turn
        if (auto stopped = co_await stop_left(std::move(key), std::move(state)); !stopped) {
            co_return reject_start(stopped.error());
        }
    }
    co_return turn;
}

/// While the store is away, only the readers of this lane.
Task<std::size_t> SharedLane::readers_of(std::shared_ptr<LiveTurn> turn) {
    const auto all = co_await store_->readers(turn->id());
    co_return std::max(turn->readers(), all.value_or(0));
}

} // namespace oa_stream::lane
