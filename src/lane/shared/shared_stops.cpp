// A stop remains valid when the lane that received it, or the one that runs the turn, dies.
#include "chats/chat_request.hpp"
#include "shared_lane.hpp"
#include "state.hpp"
#include "turn_journal.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_looked_at = 5; ///< of a thread's turns: the one to stop is among them
constexpr Millis k_stop_time{2'000}; ///< for the authority to report that it has stopped
constexpr Millis k_stop_poll{20};

/// It is being started, or a dead replica left it.
bool starts_or_lies(const store::Holding& row) {
    return !row.session.empty() && (!row.alive || row.phase == store::Phase::starting);
}

/// The turn had to stop and its end was stored without the authority, which may still run it; or
/// the authority's end was not noted in the store.
bool may_run(const store::Holding& row) {
    return row.session.empty() && row.phase == store::Phase::ended && !row.turn.empty() &&
           row.stop == store::k_stopped;
}

} // namespace

/// The wish also arrives in this lane's own inbox, but the turn is stopping already.
void TurnJournal::note_stop(std::string_view reason) {
    if (over_) {
        return;
    }
    spawn(pace_->executor(), "stop noted", [](Self self, std::string why) -> Task<void> {
        (void)co_await self->store_->want(self->key_, self->fence_, std::move(why));
    }(shared_from_this(), std::string(reason)));
}

void TurnJournal::tell_stop_done() {
    spawn(pace_->executor(), "stop done", [](Self self) -> Task<void> {
        (void)co_await self->store_->stop_done(self->key_, self->fence_);
    }(shared_from_this()));
}

Task<SharedLane::Start> SharedLane::stop_start(
    std::string owner, std::string thread, Clock::time_point until, std::string turn
) {
    const store::ThreadKey key{std::move(owner), std::move(thread)};
    std::optional<std::uint64_t> asked;
    bool settling = false;
    while (true) {
        const auto state = co_await store_->look(key);
        const auto& holding = state ? state->holding : store::Holding{};
        const bool other =
            !turn.empty() && (holding.phase == store::Phase::starting || holding.turn != turn);
        const bool waits =
            starts_or_lies(holding) && holding.session != store_->session() && !other;
        if (!waits || (asked && holding.fence != *asked)) {
            co_return asked ? Start::over : Start::none;
        }
        if (!asked) {
            const auto passed =
                co_await store_->want(key, holding.fence, std::string(store::k_stopped));
            if (passed && *passed) {
                asked = holding.fence;
            }
        }
        if (!holding.alive &&
            !std::exchange(settling, true)) { // the lane that settles the turn ends it first
            settle_soon(key);
        }
        if (Clock::now() >= until) {
            co_return asked ? Start::under_way : Start::unknown;
        }
        co_await sleep_for(k_store_poll);
    }
}

Task<bool> SharedLane::promise_stop(std::shared_ptr<LiveTurn> turn) {
    const store::ThreadKey key{turn->identity().owner, turn->identity().thread};
    const auto state = co_await store_->look(key);
    if (!state || turn->ended() || state->holding.turn != turn->id()) {
        co_return state.has_value();
    }
    const auto passed =
        co_await store_->want(key, state->holding.fence, std::string(store::k_stopped));
    co_return passed.has_value();
}

/// Every lane that comes across such a turn does this. The authority is asked to stop until its
/// history shows the turn's end.
Task<Result<void>> SharedLane::stop_left(store::ThreadKey key, store::ThreadState state) {
    const auto alive = alive_;
    const auto until = Clock::now() + k_stop_time;
    const bool asks =
        may_run(state.holding) && state.fields && lane_->authority().capabilities().outlives;
    while (asks) {
        authority::TurnsQuery query{
            .thread = state.fields->thread, .limit = k_looked_at, .newest_first = true
        };
        query.detail = authority::TurnsQuery::Detail::none;
        const auto page = co_await lane_->authority().turns_page(std::move(query));
        if (!page && page.error().code != Code::not_found) {
            co_return std::unexpected(page.error());
        }
        const auto none = std::vector<authority::PastTurn>();
        const auto& turns = page ? page->turns : none;
        const auto turn = std::ranges::find_if(turns, [&](const authority::PastTurn& one) {
            return one.running && wire_id(one.id) == state.holding.turn;
        });
        if (turn == turns.end()) {
            break;
        }
        if (!*alive || Clock::now() >= until) {
            co_return fail(Code::unavailable, "the turn runs on");
        }
        OA_CO_CHECK(co_await lane_->authority().stop(state.fields->thread, turn->id));
        co_await sleep_for(k_stop_poll);
    }
    if (*alive && may_run(state.holding)) {
        (void)co_await store_->stop_done(std::move(key), state.holding.fence);
    }
    co_return Result<void>{};
}

/// If a lane holds the turn, that lane stops it; otherwise it is stopped here.
Task<void> SharedLane::look_after_stop(store::ThreadKey key, store::ThreadState state) {
    if (state.holding.stop != store::k_stopped) {
        (void)co_await store_->stop_done(std::move(key), state.holding.fence);
    } else if (state.holding.session.empty()) {
        (void)co_await stop_left(std::move(key), std::move(state));
    }
}

} // namespace oa_stream::lane
