// The loops: news of turns that others run, and a look each second at what nobody looks after.
#include "shared_lane.hpp"

#include "state.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_retry{200};
constexpr Millis k_sweep{1'000};

} // namespace

SharedLane::SharedLane(LaneState& lane, store::Store& store) : lane_(&lane), store_(&store) {
    store_->on_wanted = [this](const store::Wanted& what) { wanted(what); };
    store_->on_anew = [this] {
        spawn(lane_->executor, "shared turns again", hold_again(this, alive_));
    };
}

SharedLane::~SharedLane() {
    stop();
}

void SharedLane::start() {
    spawn(lane_->executor, "shared news", read_news(this, alive_));
    spawn(lane_->executor, "shared sweep", sweep(this, alive_));
}

void SharedLane::stop() {
    *alive_ = false;
    store_->on_wanted = nullptr;
    store_->on_anew = nullptr;
}

Task<void> SharedLane::read_news(SharedLane* self, std::shared_ptr<bool> alive) {
    while (*alive) {
        std::vector<store::Tail> tails;
        for (const auto& [turn, relay] : self->relays_) {
            if (!relay.turn->ended()) {
                tails.push_back(relay.at);
            }
        }
        const auto news = co_await self->store_->follow(std::move(tails));
        if (!*alive) {
            co_return;
        }
        if (!news) {
            co_await sleep_for(k_retry);
            continue;
        }
        for (const auto& one : *news) {
            if (const auto relay = self->relays_.find(one.turn); relay != self->relays_.end()) {
                self->feed(relay->second, one.entries);
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
        const auto orphans = co_await self->store_->orphans();
        for (std::size_t i = 0; *alive && orphans && i < orphans->size(); ++i) {
            co_await self->settle((*orphans)[i]);
        }
        if (*alive) {
            co_await self->look_after_relays();
        }
        if (*alive) {
            co_await self->look_after_readers();
        }
    }
}

/// A log that expires or is lost wakes nobody: what stands still is looked up.
Task<void> SharedLane::look_after_relays() {
    std::vector<std::pair<std::string, store::ThreadKey>> turns;
    for (const auto& [turn, relay] : relays_) {
        if (!relay.turn->ended()) {
            turns.emplace_back(turn, relay.key);
        }
    }
    for (const auto& [turn, key] : turns) {
        const auto state = co_await store_->look(key);
        const bool runs = state && state->has_log && state->holding.turn == turn &&
                          state->holding.phase == store::Phase::live;
        if (!state || runs) {
            continue;
        }
        const auto log = co_await store_->read(turn);
        const auto relay = relays_.find(turn);
        if (!log || relay == relays_.end() || relay->second.turn->ended()) {
            continue;
        }
        if (!log->whole()) {
            ++store_->turns.gaps;
            relay->second.turn->relay_lost();
        } else {
            feed(relay->second, log->entries);
        }
    }
}

/// The store forgot this process. What it still has of our turns decides; what it lost as well is
/// told it again, so that no other replica starts a second turn there.
Task<void> SharedLane::hold_again(SharedLane* self, std::shared_ptr<bool> alive) {
    std::vector<Held> all;
    for (const auto& [turn, held] : self->held_) {
        all.push_back(held);
    }
    for (const auto& held : all) {
        const auto& journal = *held.journal;
        if (const auto turn = held.turn.lock(); turn && !turn->ended()) {
            // First: without readers another replica would put an end to it.
            self->store_->tell_readers(journal.turn(), turn->readers());
        } else {
            continue;
        }
        const auto ours =
            co_await self->store_->hold_again(journal.key(), journal.fence(), journal.turn());
        const auto turn = held.turn.lock();
        if (!*alive || !ours) {
            co_return;
        }
        if (!*ours && turn) {
            self->lost(turn, TurnJournal::Loss::fenced);
        }
    }
}

/// A turn nobody reads here may be read elsewhere.
Task<void> SharedLane::look_after_readers() {
    std::erase_if(held_, [](const auto& one) {
        const auto turn = one.second.turn.lock();
        return !turn || turn->ended();
    });
    std::vector<std::string> alone;
    for (const auto& [turn, held] : held_) {
        const auto live = held.turn.lock();
        if (live && live->readers() == 0) {
            alone.push_back(turn);
        }
    }
    for (const auto& turn : alone) {
        const auto count = co_await store_->readers(turn);
        if (const auto held = held_.find(turn); count && held != held_.end()) {
            held->second.journal->others = *count;
        }
    }
}

void SharedLane::tick(Clock::time_point now) {
    for (auto relay = relays_.begin(); relay != relays_.end();) {
        auto& turn = relay->second.turn;
        turn->tick(now);
        const bool over = turn->ended() ? turn->expired(now) : turn->unread(now);
        relay = over ? relays_.erase(relay) : std::next(relay);
    }
    store_->turns.relays = relays_.size();
}

void SharedLane::cut_relays() {
    for (auto& [id, relay] : relays_) {
        relay.turn->cut_readers();
    }
}

Task<std::size_t> SharedLane::release_all(Millis within) {
    std::vector<Held> all;
    if (!lane_->authority().capabilities().outlives) {
        co_return 0;
    }
    for (const auto& [turn, held] : held_) {
        all.push_back(held);
    }
    std::size_t count = 0;
    for (const auto& held : all) {
        const auto turn = held.turn.lock();
        if (!turn || turn->ended() || !turn->can_leave()) {
            continue;
        }
        if (co_await TurnJournal::release(held.journal, within) && turn->leave()) {
            lane_->turns.turn_ended(turn->identity().owner);
            ++store_->turns.released;
            ++count;
        }
    }
    co_return count;
}

} // namespace oa_stream::lane
