// At most one turn per thread, on any replica.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most_early = 1'000; ///< as many turns as begin here within k_early
constexpr std::size_t k_unlimited = 1U << 30U;
constexpr double k_full = 0.8; ///< share of the store's memory
constexpr Millis k_look_again{200};

} // namespace

Rejection reject_store_away() {
    return with_retry_after(
        reject(
            503,
            "store_unavailable",
            "this service cannot do that right now: its store does not answer"
        ),
        1
    );
}

Rejection reject_nothing_new() {
    return with_retry_after(
        reject(
            503,
            "store_unavailable",
            "this service cannot take new messages or conversations right now"
        ),
        1
    );
}

Rejection reject_unknown_for_now() {
    return with_retry_after(
        reject(503, "store_unavailable", "this service cannot look conversations up right now"), 1
    );
}

std::string head_text(const TurnHead& head) {
    return dump_json(Json{
        {"route", head.route},
        {"request_id", head.request_id},
        {"model", head.model},
        {"approvals", head.approvals},
        {"calls", head.calls},
        {"probe", head.probe},
        {"message", head.message_id},
        {"began_with",
         json_list(
             head.began_with,
             [](const ResultDigest& one) {
                 return Json{{"call", one.call}, {"digest", one.digest}};
             }
         )}
    });
}

namespace {

/// How long a request that wants to start a turn waits for the thread's running turn.
struct Patience {
    Clock::time_point began = Clock::now();
    std::optional<Clock::time_point> wanted{}; ///< since when the old turn has been asked to end
    bool starting = false; ///< it was starting at the last check
    bool young = false; ///< it was accepted during the wait, at `began`

    /// The turn has a reader, or will have one soon: it is starting or was just accepted.
    bool read(const store::Acquired& got, Clock::time_point now, Millis grace) {
        const bool starts = got.holding.phase == store::Phase::starting;
        if (std::exchange(starting, starts) && !starts) {
            began = now;
            young = true;
        }
        return got.readers > 0 || starts || (young && now < began + grace);
    }
};

/// Asks the running turn to end once it has no reader, then waits a while. False: it does not end
/// in time.
Task<bool> outwait(
    store::Store* store,
    const LaneTimings* timings,
    Patience* patience,
    store::ThreadKey key,
    store::Acquired got
) {
    const auto now = Clock::now();
    if (!patience->read(got, now, timings->reader_leaving) && !patience->wanted) {
        patience->wanted = now;
        (void)co_await store->want(
            std::move(key), got.holding.fence, std::string(to_string(StopReason::superseded))
        );
    }
    const auto limit = patience->wanted ? *patience->wanted + timings->supersede_wait
                                        : patience->began + timings->reader_leaving;
    if (now >= limit) {
        co_return false;
    }
    co_await sleep_for(k_store_poll);
    co_return true;
}

std::optional<Rejection> refused(store::Acquired::Kind kind) {
    if (kind == store::Acquired::Kind::full) {
        return reject_full();
    }
    if (kind == store::Acquired::Kind::owner_full) {
        return reject_owner_full();
    }
    return std::nullopt;
}

} // namespace

bool SharedLane::full() const {
    return store_->numbers().memory > k_full;
}

Task<Accepted<std::optional<SharedHold>>> SharedLane::acquire(ThreadWish wish) {
    const auto& limits = lane_->config.limits;
    const store::AcquireRequest request{
        .key = {std::move(wish.owner), std::move(wish.thread)},
        .request = random_hex(8),
        .most = wish.limited ? limits.streams : k_unlimited,
        .most_of_owner = wish.limited && wish.count_owner ? limits.streams_per_owner : 0
    };
    if (wish.limited && full()) {
        co_return reject_nothing_new();
    }
    Patience patience;
    const auto others_until = Clock::now() + store_->options().lease + k_look_again;
    while (true) {
        auto use = uses_.add(request.key);
        auto got = co_await store_->acquire(request);
        if (!got) {
            co_return wish.limited ? reject_nothing_new() : reject_store_away();
        }
        if (got->kind == store::Acquired::Kind::mine) {
            // Another replica may have made the row, or run a turn on it, since the last read.
            learn(request.key, got->fields, got->erased, got->version);
            co_return std::optional<SharedHold>(
                std::in_place,
                lane_->executor,
                *store_,
                request.key,
                std::move(use),
                *std::move(got)
            );
        }
        use.reset();
        if (auto no = refused(got->kind)) {
            co_return *std::move(no);
        }
        if (got->kind == store::Acquired::Kind::orphan) {
            co_return std::nullopt;
        }
        if (got->kind == store::Acquired::Kind::awaited) {
            if (!co_await outwait_others(request.key, others_until)) {
                co_return reject_unknown_for_now();
            }
            continue;
        }
        if (in_the_way(got->holding, wish) ||
            !co_await outwait(store_, &lane_->config.timings, &patience, request.key, *got)) {
            co_return reject_busy();
        }
    }
}

/// A turn of another lane that `wish` may not supersede. For a wish with results: after the turn's
/// end, no request could use them any more.
bool SharedLane::in_the_way(const store::Holding& there, const ThreadWish& wish) const {
    const bool begun = there.phase == store::Phase::live && there.session != store_->session();
    return begun && (wish.answers || !wish.supersedes);
}

Task<bool> SharedLane::outwait_others(store::ThreadKey key, Clock::time_point until) {
    if (Clock::now() >= until) {
        co_return false;
    }
    if (lane_->ids().contains(key.owner, key.id)) {
        (void)co_await refresh(key.owner, key.id);
    }
    co_await sleep_for(k_look_again); // after a loss, very many requests may wait
    co_return true;
}

Task<Accepted<std::shared_ptr<void>>> SharedLane::take_place(std::string owner, bool count_owner) {
    if (full()) {
        co_return reject_nothing_new();
    }
    const auto& limits = lane_->config.limits;
    const auto got = co_await store_->take_place(
        {.key = {owner, {}},
         .request = {},
         .most = limits.streams,
         .most_of_owner = count_owner ? limits.streams_per_owner : 0}
    );
    if (!got) {
        co_return reject_nothing_new();
    }
    if (auto no = refused(*got)) {
        co_return *std::move(no);
    }
    co_return std::shared_ptr<void>(
        nullptr,
        [alive = std::weak_ptr(alive_), store = store_, who = std::move(owner)](std::nullptr_t) {
            if (!alive.expired()) {
                store->give_place(who);
            }
        }
    );
}

Task<Accepted<SharedLane::Committed>>
SharedLane::commit(SharedHold* hold, std::string turn, TurnHead head, std::string idempotency) {
    auto done = co_await store_->commit(
        {.key = hold->key(),
         .fence = hold->fence(),
         .turn = turn,
         .head = head_text(head),
         .idempotency = std::move(idempotency),
         .fields = own_fields(hold->key()),
         .before = hold->before()}
    );
    if (!done && done.error().code == Code::conflict) {
        ++store_->turns.fenced.commit;
        co_return reject_busy();
    }
    if (!done) {
        co_return reject_nothing_new();
    }
    lane_->ids().note_version(hold->key().owner, hold->key().id, done->version);
    hold->keep();
    co_return Committed{
        std::make_shared<TurnJournal>(pace_, *store_, hold->key(), hold->fence(), std::move(turn)),
        std::move(done->stop)
    };
}

void SharedLane::follow(
    const std::shared_ptr<LiveTurn>& turn,
    const std::shared_ptr<TurnJournal>& journal,
    store::KeyRequest use
) {
    held_.insert_or_assign(turn->id(), Held{turn, journal, std::move(use)});
    if (const auto early = early_.extract(turn->id())) {
        spawn(lane_->executor, "stop", stop_as_asked(this, alive_, turn, early.mapped().reason));
    }
    journal->use = uses_.add(journal->key());
    journal->on_loss([this, alive = alive_, weak = std::weak_ptr(turn)](TurnJournal::Loss loss) {
        const auto live = weak.lock();
        if (*alive && live) {
            lost(live, loss);
        }
    });
}

void SharedLane::lost(const std::shared_ptr<LiveTurn>& turn, TurnJournal::Loss loss) {
    switch (loss) {
    case TurnJournal::Loss::fenced:
        fenced(turn, store_->turns.fenced.append);
        break;
    case TurnJournal::Loss::full:
        turn->end_now(StopReason::store_full);
        break;
    case TurnJournal::Loss::away:
        turn->end_now(StopReason::store_away);
        break;
    }
}

void SharedLane::fenced(const std::shared_ptr<LiveTurn>& turn, std::uint64_t& count) {
    // If the turn is ending, its journal reports the outcome.
    const bool ended = turn->ended();
    turn->lose_to_another();
    count += !ended && turn->ended() ? 1 : 0;
}

Task<bool> SharedLane::is_ours(std::shared_ptr<LiveTurn> turn, bool to_stop) {
    const auto alive = alive_;
    const store::ThreadKey key{turn->identity().owner, turn->identity().thread};
    auto state = co_await store_->look(key);
    while (*alive && !state && !turn->ended()) { // the request must not be lost
        co_await sleep_for(k_look_again);
        if (!*alive) {
            co_return false;
        }
        state = co_await store_->look(key);
    }
    if (!*alive || !state) {
        co_return false;
    }
    const auto held = held_.find(turn->id());
    const auto& row = state->holding;
    co_return held != held_.end() && row.session == store_->session() && row.turn == turn->id() &&
        row.fence == held->second.journal->fence() && (!to_stop || !row.stop.empty());
}

/// Another lane may have seen a turn without readers just before the request that started it
/// attached its reader.
Task<void> SharedLane::stop_as_asked(
    SharedLane* self, std::shared_ptr<bool> alive, std::shared_ptr<LiveTurn> turn, StopReason reason
) {
    if (!co_await self->is_ours(turn, true)) {
        co_return;
    }
    if (reason != StopReason::superseded) {
        co_return turn->stop(reason);
    }
    const auto until = Clock::now() + self->lane_->config.timings.reader_leaving;
    while (*alive && turn->awaits_reader() && Clock::now() < until) {
        co_await sleep_for(k_store_poll);
    }
    if (!*alive) {
        co_return;
    }
    if (turn->readers() == 0) {
        co_return turn->stop(reason);
    }
    // Withdraw the wish: a replica that takes the turn over would end it for that, too.
    if (const auto held = self->held_.find(turn->id());
        held != self->held_.end() && !turn->stopping()) {
        const auto& journal = *held->second.journal;
        (void)co_await self->store_->want(journal.key(), journal.fence(), "");
    }
}

void SharedLane::wanted(const store::Wanted& what) {
    if (what.reason == store::k_answer) {
        if (const auto asked = answers_.find(what.request); asked != answers_.end()) {
            asked->second = what.body;
        }
        return;
    }
    if (what.reason == store::k_adopt) {
        settle_soon(store::thread_of(what.body));
        return;
    }
    if (what.reason == store::k_deleted) {
        const auto lines = pieces_of(what.body, '\n');
        std::vector<std::string> threads(lines.begin(), lines.end());
        std::erase(threads, "");
        spawn(lane_->executor, "deleted threads", erase_threads(this, alive_, std::move(threads)));
        return;
    }
    const auto held = held_.find(what.turn);
    const auto turn = held == held_.end() ? nullptr : held->second.turn.lock();
    if (what.reason == k_decide) {
        // If the turn is not ours any more, nothing is answered: the other replica asks again.
        if (turn) {
            spawn(lane_->executor, "judge", judge(this, alive_, what, turn));
        }
        return;
    }
    if (what.reason == store::k_read) {
        if (held != held_.end()) {
            auto& journal = *held->second.journal;
            journal.set_others(std::max<std::size_t>(journal.others(), 1));
        }
        return;
    }
    const auto reason = stop_reason_of(what.reason);
    if (turn) {
        spawn(lane_->executor, "stop", stop_as_asked(this, alive_, turn, reason));
    } else if (early_.size() < k_most_early) {
        early_.insert_or_assign(what.turn, Early{reason, Clock::now()});
    }
}

} // namespace oa_stream::lane
