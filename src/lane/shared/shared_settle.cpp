// A dead replica's turns are continued here or get their true end. All replicas may try at the same
// time; the store lets one of them decide.
#include "oa_stream/encode/continuation.hpp"
#include "oa_stream/encode/ui_encoder.hpp"

#include "chats/chat_request.hpp"
#include "shared_reap.hpp"
#include "state.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_at_once = 16; ///< threads of dead replicas, for each server
constexpr Millis k_sorting{5'000}; ///< the rest waits for the next sweep
/// Longer than the interval between two checks of a dead replica's turn
constexpr Millis k_unseen{30'000};

/// Threads whose server is not known yet.
struct Sorting {
    Sorting(const asio::any_io_executor& executor, std::vector<store::ThreadKey> all)
        : keys(std::move(all)), over(executor, Clock::time_point::max()) {}
    std::vector<store::ThreadKey> keys;
    asio::steady_timer over; ///< cancelled by the last coroutine
    Clock::time_point until = Clock::now() + k_sorting;
    std::size_t open = 0;
};

std::string bytes_of(const store::Log& log) {
    std::string out;
    for (const auto& entry : log.entries) {
        out += entry.bytes;
    }
    return out;
}

} // namespace

Task<bool> SharedLane::settle(store::ThreadKey key) {
    const auto state = co_await store_->look(key);
    const bool dead = state && !state->holding.session.empty() && !state->holding.alive;
    // This lane will hold it again
    const bool ours = dead && state->holding.session == store_->session();
    if (state && !dead) {
        co_await look_after_stop(std::move(key), *state);
        co_return true;
    }
    if (!dead || ours || !store_->steady()) {
        co_return true;
    }
    // The turn may belong to another thread than this lane's row has.
    learn(key, state->fields, state->erased, state->version);
    store::TakeRequest take{.key = std::move(key), .from = state->holding};
    store::Log log;
    if (!take.from.turn.empty()) {
        auto read = co_await store_->read(take.from.turn);
        if (!read) {
            co_return true;
        }
        log = *std::move(read);
    }
    if (!log.entries.empty()) {
        take.top_fence = log.entries.back().fence;
        take.top_end = log.entries.back().end;
    }
    const bool whole = log.whole() && !log.entries.back().last();
    auto head = log.whole() ? read_head(log.entries.front().head) : TurnHead{};
    auto sent = whole ? bytes_of(log) : std::string();
    auto adoption = whole && log.plain() ? co_await adopt(take, sent, head) : Adoption::impossible;
    if (adoption == Adoption::later) {
        co_return true;
    }
    std::optional<authority::PastTurn> past;
    if (adoption == Adoption::ended) {
        if (auto found = co_await past_turn(take)) {
            past = *std::move(found);
        } else {
            adoption = Adoption::wait;
        }
    }
    if (adoption == Adoption::wait && still_waits(take.from)) {
        co_return false; // the sweep tries again
    }
    if (adoption != Adoption::done) {
        co_await reap(std::move(take), std::move(sent), std::move(head), std::move(past));
    }
    co_return true;
}

/// Whether to wait for an authority that does not answer. Another lane may settle the turn and die,
/// too: its holding has another fence.
bool SharedLane::still_waits(const store::Holding& dead) {
    const auto now = Clock::now();
    const auto limit = lane_->config.timings.authority_away;
    std::erase_if(away_, [&](const auto& one) { return now - one.second.seen > limit + k_unseen; });
    auto& away = away_.try_emplace(fmt::format("{}-{}", dead.turn, dead.fence), Away{.since = now})
                     .first->second;
    away.seen = now;
    return now - away.since < limit;
}

/// Several at the same time, because each may wait for the store; in random order, because other
/// replicas settle the same ones.
Task<void> SharedLane::settle_all(
    SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::ThreadKey> keys
) {
    std::ranges::shuffle(keys, std::minstd_rand(std::random_device{}()));
    const auto all = std::make_shared<Sorting>(self->lane_->executor, std::move(keys));
    for (std::size_t i = 0; i < std::min(k_at_once, all->keys.size()); ++i) {
        ++all->open;
        spawn(
            self->lane_->executor,
            "settle",
            [](SharedLane* lane, std::shared_ptr<bool> alive, std::shared_ptr<Sorting> all
            ) -> Task<void> {
                while (*alive && !all->keys.empty() && Clock::now() < all->until) {
                    const auto key = std::move(all->keys.back());
                    all->keys.pop_back();
                    co_await lane->settle_beside(key);
                }
                if (--all->open == 0) {
                    all->over.cancel();
                }
            }(self, alive, all)
        );
    }
    while (all->open > 0) {
        (void)co_await all->over.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

/// Sorts the thread to its server, so that a server that hangs does not delay the threads of
/// others. If the row is unknown here, the store has the thread's id.
Task<void> SharedLane::settle_beside(store::ThreadKey key) {
    if (settled_.has(key)) {
        co_return;
    }
    const auto alive = alive_;
    auto use = settled_.add(key);
    auto& ids = lane_->ids();
    if (!ids.contains(key.owner, key.id) && lane_->authority().capabilities().outlives) {
        (void)co_await refresh(key.owner, key.id);
        if (!*alive) {
            co_return;
        }
    }
    const auto row = ids.find(key.owner, key.id);
    const auto server = row ? lane_->authority().server_of(row->thread) : std::string();
    auto& settling = settling_[server];
    settling.left.emplace_back(std::move(key), std::move(use));
    if (settling.open < k_at_once) {
        ++settling.open;
        spawn(lane_->executor, "settle", settle_at(this, alive_, server));
    }
}

/// Settles one thread after the other; the last coroutine erases the server's entry.
Task<void>
SharedLane::settle_at(SharedLane* self, std::shared_ptr<bool> alive, std::string server) {
    if (!*alive) {
        co_return;
    }
    auto* const settling = &self->settling_[server];
    while (*alive && !settling->left.empty()) {
        const auto next = std::move(settling->left.back());
        settling->left.pop_back();
        (void)co_await self->settle(next.first);
    }
    if (*alive && --settling->open == 0) {
        self->settling_.erase(server);
    }
}

Task<SharedLane::Adoption>
SharedLane::adopt(store::TakeRequest take, std::string sent, TurnHead head) {
    const auto owner = take.key.owner;
    if (!lane_->authority().capabilities().outlives) {
        co_return Adoption::impossible;
    }
    if (lane_->draining) {
        co_return Adoption::later;
    }
    const auto use = uses_.add(take.key);
    if (!lane_->ids().contains(owner, take.key.id) && !co_await refresh(owner, take.key.id)) {
        co_return Adoption::later; // it is unknown whether the conversation has a thread
    }
    const auto row = lane_->ids().find(owner, take.key.id);
    if (!row) {
        co_return Adoption::impossible;
    }
    // Another coroutine of this lane may have been first: a turn that it adopts must not be
    // superseded.
    const auto until = Clock::now() + lane_->config.timings.supersede_wait;
    const auto alive = alive_;
    while (lane_->turns.starting(owner, take.key.id) && Clock::now() < until) {
        co_await sleep_for(k_store_poll);
        if (!*alive || lane_->draining) {
            co_return Adoption::later;
        }
    }
    const auto own = lane_->turns.find(owner, take.key.id);
    if (lane_->turns.starting(owner, take.key.id) || (own && !own->ended())) {
        co_return Adoption::later;
    }
    // The turn runs already: limits must not end it.
    auto lease =
        co_await lane_->turns.acquire({.owner = owner, .thread = take.key.id, .limited = false});
    if (!lease) {
        co_return Adoption::later; // this lane is working on it already
    }
    auto joined = co_await lane_->authority().join(row->thread, head.approvals);
    if (!joined) {
        co_return joined.error().code == Code::not_found ? Adoption::ended : Adoption::wait;
    }
    if (wire_id((*joined)->turn_id()) != take.from.turn) {
        (void)(*joined)->leave();
        co_return Adoption::ended;
    }
    if (lane_->draining) {
        (void)(*joined)->leave();
        co_return Adoption::later; // for another lane
    }
    const auto adopted = co_await store_->adopt(take);
    const auto fence = adopted.value_or(std::nullopt);
    if (!fence) {
        (void)(*joined)->leave(); // another replica has it now
        co_return adopted ? Adoption::done : Adoption::later;
    }
    // A stop that arrived after the row was read was sent to no lane.
    const auto taken = co_await store_->look(take.key);
    if (!*alive) {
        co_return Adoption::later;
    }
    take.from.stop = taken ? taken->holding.stop : take.from.stop;
    auto live = go_on(take, *fence, sent, head, *std::move(joined));
    lease->commit(live);
    co_return Adoption::done;
}

std::shared_ptr<LiveTurn> SharedLane::go_on(
    const store::TakeRequest& take,
    std::uint64_t fence,
    const std::string& sent,
    const TurnHead& head,
    std::unique_ptr<authority::Turn> turn
) {
    auto journal = std::make_shared<TurnJournal>(
        pace_, *store_, take.key, fence, take.from.turn, take.top_end
    );
    auto encoder = std::make_unique<encode::UiEncoder>(encoder_options(take, head));
    // Events that do not continue the sent frames are refused one by one, which ends the turn.
    if (!sent.empty()) {
        (void)encoder->restore(sent);
    }
    TurnStyle style;
    style.encoder = std::move(encoder);
    style.approvals = head.approvals;
    style.calls = head.calls;
    style.journal = journal;
    style.goes_on.emplace(sent);
    style.began_with = head.began_with;
    tell_of_readers(style, take.key, take.from.turn);
    auto live = LiveTurn::adopt(
        {lane_->executor, lane_->host, identity_of(take, head), std::move(turn), std::move(style)},
        sent
    );
    follow(live, journal);
    ++store_->turns.adopted;
    if (!take.from.stop.empty()) {
        live->stop(stop_reason_of(take.from.stop));
    }
    return live;
}

} // namespace oa_stream::lane
