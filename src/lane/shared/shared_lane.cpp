// The background loops: read the frames of turns that other replicas run, and check each second for
// rows and turns that are left over.
#include "shared_lane.hpp"

#include "oa_stream/base/lists.hpp"

#include "state.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_retry{200};
constexpr Millis k_sweep{1'000};
/// If this replica dies, its own readers have received at most this much text that the store lacks.
/// A turn with 20 deltas per second needs half as many writes with it.
constexpr Millis k_write_pause{100};
/// With many active turns, these writes are most of a server's work. This lane makes at most 2,000
/// writes a second, or five for each turn.
constexpr Millis k_longest_pause{200};
constexpr std::size_t k_writes_per_ms = 2;
constexpr Millis k_early{10'000}; ///< longer than the store may need to answer

Millis write_pause(std::size_t turns) noexcept {
    const Millis fair(static_cast<Millis::rep>(turns / k_writes_per_ms));
    return std::clamp(fair, k_write_pause, k_longest_pause);
}

} // namespace

SharedLane::SharedLane(LaneState& lane, store::Store& store)
    : lane_(&lane), store_(&store),
      pace_(std::make_shared<WritePace>(lane.executor, k_write_pause)) {
    store_->on_wanted = [this](const store::Wanted& what) { wanted(what); };
    store_->on_unsure = [this] {
        spawn(lane_->executor, "shared turns again", hold_all_again(this, alive_));
    };
    store_->on_lost = [this] { offer_rows(); };
}

SharedLane::~SharedLane() {
    stop();
}

void SharedLane::start() {
    for (std::size_t i = 0; i < store::k_followers; ++i) {
        resting_.emplace_back(lane_->executor, Clock::time_point::max());
    }
    for (std::size_t i = 0; i < store::k_followers; ++i) {
        spawn(lane_->executor, "shared news", read_news(this, alive_, i));
    }
    spawn(lane_->executor, "shared sweep", sweep(this, alive_));
    if (store_->rows_lost) {
        offer_rows();
    }
}

void SharedLane::stop() {
    *alive_ = false;
    store_->on_wanted = nullptr;
    store_->on_unsure = nullptr;
    store_->on_lost = nullptr;
}

std::vector<store::Tail> SharedLane::tails_of(std::size_t follower) {
    const auto followed = [](const auto& one) {
        return !one.second.turn->ended() && !one.second.logless;
    };
    const bool crowded =
        std::cmp_greater(std::ranges::count_if(relays_, followed), store::k_most_waited);
    if (std::exchange(crowded_, crowded) && !crowded) {
        wake_resting();
    }
    std::vector<store::Tail> out;
    for (const auto& one : relays_) {
        const auto whose = crowded ? 0 : std::hash<std::string>{}(one.first) % store::k_followers;
        if (whose == follower && followed(one)) {
            out.push_back(one.second.at);
        }
    }
    return out;
}

void SharedLane::wake_followers() {
    store_->wake();
    wake_resting();
}

void SharedLane::wake_resting() {
    std::ranges::for_each(resting_, [](auto& timer) { timer.cancel(); });
}

/// When a tail moves to another follower, both may read it for a moment; feed() ignores what it has
/// already.
Task<void>
SharedLane::read_news(SharedLane* self, std::shared_ptr<bool> alive, std::size_t follower) {
    while (*alive) {
        auto tails = self->tails_of(follower);
        if (follower > 0 && tails.empty()) { // the first follower also reads this lane's inbox
            (void)co_await self->resting_[follower].async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        const auto news = co_await self->store_->follow(std::move(tails), follower);
        if (!*alive) {
            co_return;
        }
        if (!news) {
            co_await sleep_for(k_retry);
            continue;
        }
        for (const auto& one : *news) {
            const auto relay = self->relays_.find(one.turn);
            if (relay == self->relays_.end()) {
                continue;
            }
            self->feed(relay->second, one.entries);
            if (relay->second.turn->outgrows()) { // the turn goes on at its replica
                relay->second.turn->relay_lost();
                self->relays_.erase(relay);
            }
        }
    }
}

Task<void> SharedLane::sweep(SharedLane* self, std::shared_ptr<bool> alive) {
    while (*alive) {
        co_await sleep_for(k_sweep);
        if (!*alive) {
            co_return;
        }
        self->pace_->set_pause(write_pause(self->uses_.size()));
        self->report_store();
        if (auto orphans = co_await self->store_->orphans(); *alive && orphans) {
            co_await settle_all(self, alive, *std::move(orphans));
        }
        if (*alive) {
            co_await self->look_after_rows();
        }
        if (*alive) {
            (void)co_await self->forget_stale_keys();
        }
        if (*alive) {
            co_await self->look_after_relays();
        }
        if (*alive) {
            co_await self->look_after_readers();
        }
    }
}

/// Logs the state that /readyz reports, once for each change.
void SharedLane::report_store() {
    auto now = store_->trouble();
    now = now.empty() ? store_->caution() : now;
    if (now == reported_ || lane_->parts.log == nullptr) {
        return;
    }
    reported_ = now;
    lane_->parts.log->note(
        now.empty() ? LogLevel::info : LogLevel::warn, "store", now.empty() ? "all is well" : now
    );
}

void SharedLane::settle_soon(store::ThreadKey key) {
    spawn(
        lane_->executor,
        "settle",
        [](SharedLane* self, std::shared_ptr<bool> alive, store::ThreadKey key) -> Task<void> {
            if (*alive) {
                (void)co_await self->settle(std::move(key));
            }
        }(this, alive_, std::move(key))
    );
}

/// If an answer of the store was lost, or the store did not accept an end in time, a row is left
/// over that no other replica may touch while this one lives.
Task<void> SharedLane::look_after_rows() {
    const auto alive = alive_;
    const auto rows = co_await store_->held();
    if (!rows || !*alive) {
        co_return;
    }
    std::vector<store::ThreadKey> unused;
    std::ranges::copy_if(*rows, std::back_inserter(unused), [this](const auto& key) {
        return !uses_.has(key);
    });
    const auto before = std::exchange(unused_, unused);
    for (const auto& key : unused) {
        const bool twice = contains(before, key);
        const auto state = twice ? co_await store_->look(key) : Result<store::ThreadState>{};
        if (!*alive) {
            co_return;
        }
        if (!state || uses_.has(key) || state->holding.session != store_->session()) {
            continue;
        }
        const auto held = held_.find(state->holding.turn);
        const bool counted = held != held_.end() && held->second.journal->unsettled();
        const bool runs = state->holding.phase == store::Phase::live && !counted;
        const auto fence = state->holding.fence;
        const auto journal = counted ? held->second.journal : nullptr;
        const auto passed =
            co_await (runs ? store_->release(key, fence) : store_->forget(key, fence));
        if (journal && passed) {
            journal->settled();
        }
        if (!*alive) {
            co_return;
        }
    }
}

/// A log that expires or is lost causes no news: relays without news are checked in the store.
Task<void> SharedLane::look_after_relays() {
    std::vector<std::pair<std::string, store::ThreadKey>> turns;
    for (const auto& [turn, relay] : relays_) {
        if (!relay.turn->ended()) {
            turns.emplace_back(turn, relay.key);
        }
    }
    for (const auto& [turn, key] : turns) {
        const auto state = co_await store_->look(key);
        const auto held = relays_.find(turn);
        const bool unread = held != relays_.end() && held->second.logless;
        const bool runs = state && (state->has_log || unread) && state->holding.turn == turn &&
                          state->holding.phase == store::Phase::live;
        if (!state || runs) {
            continue;
        }
        const auto log = co_await store_->read(turn);
        const auto relay = relays_.find(turn);
        if (!log || relay == relays_.end() || relay->second.turn->ended()) {
            continue;
        }
        if (log->whole()) {
            feed(relay->second, log->entries);
        }
        // The store would have the turn's end, too, if there were one: no further frames will
        // arrive.
        if (const auto& left = relay->second.turn; !left->ended()) {
            store_->turns.gaps += relay->second.logless ? 0 : 1;
            left->relay_lost();
        }
    }
}

void SharedLane::tell_all_readers() {
    for (const auto& [turn, relay] : relays_) {
        if (!relay.turn->ended()) {
            tell_readers(relay.key, turn);
        }
    }
    for (const auto& [turn, held] : held_) {
        if (const auto live = held.turn.lock(); live && !live->ended()) {
            tell_readers(held.journal->key(), turn);
        }
    }
}

/// The store forgot this process. It decides about the turns of this lane that it still has. Turns
/// that it lost are registered again, so that no other replica starts a second turn on their
/// threads.
Task<void> SharedLane::hold_all_again(SharedLane* self, std::shared_ptr<bool> alive) {
    std::vector<Held> all;
    all.reserve(self->held_.size());
    for (const auto& [turn, held] : self->held_) {
        all.push_back(held);
    }
    self->tell_all_readers(); // first: a replica that sees no readers would end a turn
    for (const auto& held : all) {
        auto& journal = *held.journal;
        if (const auto turn = held.turn.lock(); turn && !turn->ended()) {
            co_await self->hold_again(held);
        } else if (journal.gave_up()) {
            // The turn's end was sent and counted here, but the store will not receive it: another
            // replica would end and count the turn again.
            if (co_await self->store_->forget(journal.key(), journal.fence())) {
                journal.settled();
            }
        }
        if (!*alive) {
            co_return;
        }
    }
    for (const auto& held : all) { // the store may have lost their rows, too
        const auto key = held.journal->key();
        if (!*alive || !co_await self->refresh(key.owner, key.id)) {
            co_return;
        }
    }
}

/// Repeats until the store has answered.
Task<void> SharedLane::hold_again(Held held) {
    const auto alive = alive_;
    const auto key = held.journal->key();
    const auto fence = held.journal->fence();
    while (*alive && !held.turn.expired() && !held.turn.lock()->ended()) {
        const auto sign_ons = store_->sign_ons;
        const auto ours = co_await store_->hold_again(key, fence, held.journal->turn(), held.use);
        const auto turn = held.turn.lock();
        if (!ours) {
            co_await sleep_for(k_retry);
            continue;
        }
        if (*ours) {
            held.journal->confirm(sign_ons);
        } else if (*alive && turn && !turn->ended()) {
            fenced(turn, store_->turns.fenced.validate);
            (void)co_await store_->forget(key, fence);
        }
        co_return;
    }
}

/// Asks the store for readers on other replicas: of turns without readers here, and of turns that
/// had readers elsewhere.
Task<void> SharedLane::look_after_readers() {
    std::erase_if(held_, [](const auto& one) {
        const auto turn = one.second.turn.lock();
        const auto& journal = *one.second.journal;
        return journal.idle() && !journal.unsettled() && (!turn || turn->ended());
    });
    std::vector<std::string> asked;
    for (const auto& [turn, held] : held_) {
        const auto live = held.turn.lock();
        if (live && (live->readers() == 0 || held.journal->others() > 0)) {
            asked.push_back(turn);
        }
    }
    for (const auto& turn : asked) {
        const auto count = co_await store_->readers(turn);
        if (const auto held = held_.find(turn); count && held != held_.end()) {
            held->second.journal->set_others(*count);
        }
    }
}

std::size_t SharedLane::running_relays() const {
    return static_cast<std::size_t>(std::ranges::count_if(relays_, [](const auto& relay) {
        return !relay.second.turn->ended();
    }));
}

/// A turn without new frames makes no request to the store that could fail. So the lease is used to
/// measure how long the store is away.
void SharedLane::end_cut_off(Clock::time_point now) {
    if (store_->leased()) {
        return unleased_since_.reset();
    }
    unleased_since_ = unleased_since_.value_or(now);
    if (now - *unleased_since_ < store_->options().outage) {
        return;
    }
    for (const auto& [id, held] : held_) {
        if (const auto turn = held.turn.lock()) {
            turn->end_now(StopReason::store_away);
        }
    }
}

void SharedLane::tick(Clock::time_point now) {
    end_cut_off(now);
    for (auto relay = relays_.begin(); relay != relays_.end();) {
        auto& turn = relay->second.turn;
        turn->tick(now);
        // A request that waits for a decision elsewhere will read it soon.
        const bool asked = turn.use_count() > 1;
        const bool over = !asked && (turn->ended() ? turn->expired(now) : turn->unread(now));
        relay = over ? relays_.erase(relay) : std::next(relay);
    }
    std::erase_if(early_, [now](const auto& one) { return now - one.second.came >= k_early; });
    count_relays();
}

void SharedLane::count_relays() {
    store_->turns.relays = relays_.size();
    store_->turns.tails = running_relays();
}

void SharedLane::cut_relays() {
    for (auto& [id, relay] : relays_) {
        relay.turn->cut_readers();
    }
}

} // namespace oa_stream::lane
