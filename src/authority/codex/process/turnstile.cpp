#include "turnstile.hpp"

#include "signal.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::authority {

class Turnstile::Inside {
public:
    explicit Inside(std::shared_ptr<Room> room)
        : room_(std::move(room)), since_(room_->inside.insert(Clock::now())) {}
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() {
        const auto now = Clock::now();
        const auto took = now - *since_;
        room_->inside.erase(since_);
        if (took > room_->limits.usual && took < room_->limits.slow) {
            room_->rests.insert(now + (took - room_->limits.usual));
        }
        if (!room_->queue.empty()) {
            room_->queue.front().cancel();
        }
    }

private:
    std::shared_ptr<Room> room_;
    std::multiset<Clock::time_point>::iterator since_;
};

/// A place in the queue; also when the coroutine that stands there is destroyed.
class Turnstile::Waiter {
public:
    explicit Waiter(std::shared_ptr<Room> room) : room_(std::move(room)) {
        if (room_->queue.empty()) {
            room_->queued_since = Clock::now();
        }
        place_ = room_->queue.emplace(room_->queue.end(), room_->executor);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        const bool was_first = first();
        room_->queue.erase(place_);
        if (was_first && !room_->queue.empty()) {
            room_->queue.front().cancel(); // it has its turn now
        }
    }
    [[nodiscard]] bool first() const { return place_ == room_->queue.begin(); }
    [[nodiscard]] asio::steady_timer& timer() const { return *place_; }

private:
    std::shared_ptr<Room> room_;
    std::list<asio::steady_timer>::iterator place_;
};

bool Turnstile::open(Room& room) {
    const auto now = Clock::now();
    room.rests.erase(room.rests.begin(), room.rests.upper_bound(now));
    const auto busy =
        std::distance(room.inside.upper_bound(now - room.limits.slow), room.inside.end());
    return room.inside.size() < room.limits.most &&
           static_cast<std::size_t>(busy) + room.rests.size() < room.limits.busy;
}

/// When it may open without anybody leaving: a rest is over, or one inside becomes slow.
Clock::time_point Turnstile::look_again(const Room& room) {
    const auto rest = room.rests.empty() ? Clock::time_point::max() : *room.rests.begin();
    const auto busy = room.inside.upper_bound(Clock::now() - room.limits.slow);
    return busy == room.inside.end() ? rest : std::min(rest, *busy + room.limits.slow);
}

Task<Turnstile::Pass> Turnstile::enter(std::shared_ptr<Room> room, Clock::time_point deadline) {
    if (room->queue.empty() && open(*room)) {
        co_return std::make_shared<Inside>(room);
    }
    const Waiter me(room);
    const auto limits = room->limits;
    deadline = std::min(
        deadline, std::max(Clock::now() + limits.patience, room->queued_since + limits.standing)
    );
    while (!me.first() || !open(*room)) {
        if (Clock::now() >= deadline) {
            co_return nullptr;
        }
        me.timer().expires_at(me.first() ? std::min(deadline, look_again(*room)) : deadline);
        co_await me.timer().async_wait(asio::as_tuple(asio::use_awaitable));
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return nullptr;
        }
    }
    co_return std::make_shared<Inside>(room);
}

} // namespace oa_stream::authority
