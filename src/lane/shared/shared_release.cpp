// A lane that shuts down releases its turns, so that another replica continues them.
#include "shared_lane.hpp"
#include "state.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace oa_stream::lane {

/// All at the same time: one after the other, each would wait for the store, and the drain's time
/// could run out.
Task<std::size_t> SharedLane::release_all(Millis within) {
    if (!lane_->authority().capabilities().outlives) {
        co_return 0;
    }
    const auto leaving = std::make_shared<Leaving>(lane_->executor, within);
    const auto all = held_; // a copy: a turn that is released at once is erased from held_
    for (const auto& [id, held] : all) {
        const auto turn = held.turn.lock();
        if (turn && !turn->ended() && turn->can_leave()) {
            ++leaving->open;
            spawn(lane_->executor, "release", release_one(this, alive_, held, leaving));
        }
    }
    while (leaving->open > 0 && Clock::now() < leaving->until) {
        leaving->over.expires_at(leaving->until);
        (void)co_await leaving->over.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return leaving->done;
}

Task<void> SharedLane::release_one(
    SharedLane* self, std::shared_ptr<bool> alive, Held held, std::shared_ptr<Leaving> leaving
) {
    const auto within = std::chrono::duration_cast<Millis>(leaving->until - Clock::now());
    const bool released = co_await TurnJournal::release(held.journal, within);
    const auto turn = held.turn.lock();
    if (*alive && released && turn && turn->leave()) {
        self->lane_->turns.turn_ended(turn->identity().owner);
        ++self->store_->turns.released;
        ++leaving->done;
    }
    if (--leaving->open == 0) {
        leaving->over.cancel();
    }
}

} // namespace oa_stream::lane
