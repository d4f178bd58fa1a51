#include "turnstile.hpp"

#include "signal.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_calm = 2; ///< punctual callers in a row, per place, until a place is added

} // namespace

class Turnstile::Inside {
public:
    explicit Inside(std::shared_ptr<Room> room)
        : room_(std::move(room)), since_(room_->inside.insert(Clock::now())),
          alone_(room_->inside.size() == 1) {}
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() {
        const auto took = Clock::now() - *since_;
        room_->inside.erase(since_);
        room_->left(took, alone_ && room_->inside.empty());
        if (!room_->queue.empty()) {
            room_->queue.front().cancel();
        }
    }

private:
    std::shared_ptr<Room> room_;
    std::multiset<Clock::time_point>::iterator since_;
    bool alone_;
};

/// A place in the queue; left also when the waiting coroutine is destroyed.
class Turnstile::Waiter {
public:
    explicit Waiter(std::shared_ptr<Room> room) : room_(std::move(room)) {
        place_ = room_->queue.emplace(room_->queue.end(), room_->executor);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        const bool was_first = first();
        room_->queue.erase(place_);
        if (was_first && !room_->queue.empty()) {
            room_->queue.front().cancel(); // it is next
        }
    }
    [[nodiscard]] bool first() const { return place_ == room_->queue.begin(); }
    [[nodiscard]] asio::steady_timer& timer() const { return *place_; }

private:
    std::shared_ptr<Room> room_;
    std::list<asio::steady_timer>::iterator place_;
};

bool Turnstile::Room::open() {
    const auto now = Clock::now();
    rests.erase(rests.begin(), rests.upper_bound(now));
    const auto busy = std::distance(inside.upper_bound(now - limits.slow), inside.end());
    return inside.size() < limits.most && static_cast<std::size_t>(busy) + rests.size() < places;
}

/// The next time at which a place may become free without a caller leaving: a rest ends, or a
/// caller inside becomes slow.
Clock::time_point Turnstile::Room::look_again() const {
    const auto rest = rests.empty() ? Clock::time_point::max() : *rests.begin();
    const auto busy = inside.upper_bound(Clock::now() - limits.slow);
    return busy == inside.end() ? rest : std::min(rest, *busy + limits.slow);
}

void Turnstile::Room::left(Clock::duration took, bool alone) {
    if (took >= limits.slow) {
        return;
    }
    if (alone && (quickest == Clock::duration(0) || took < quickest)) {
        quickest = took;
    }
    const auto usual = std::max<Clock::duration>(limits.usual, quickest + quickest / 4);
    if (took > usual) {
        rests.insert(Clock::now() + (took - usual));
        places = limits.least;
        in_time = 0;
    } else if (!queue.empty() && ++in_time >= k_calm * places && places < limits.most) {
        ++places;
        in_time = 0;
    }
}

Task<Turnstile::Pass> Turnstile::enter(std::shared_ptr<Room> room, Clock::time_point deadline) {
    if (room->queue.empty() && room->open()) {
        co_return std::make_shared<Inside>(room);
    }
    const Waiter me(room);
    while (!me.first() || !room->open()) {
        if (Clock::now() >= deadline) {
            co_return nullptr;
        }
        me.timer().expires_at(me.first() ? std::min(deadline, room->look_again()) : deadline);
        co_await me.timer().async_wait(asio::as_tuple(asio::use_awaitable));
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return nullptr;
        }
    }
    co_return std::make_shared<Inside>(room);
}

} // namespace oa_stream::authority
