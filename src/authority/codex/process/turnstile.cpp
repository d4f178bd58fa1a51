#include "turnstile.hpp"

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
        room_->inside.erase(since_);
        room_->changed.notify();
    }

private:
    std::shared_ptr<Room> room_;
    std::multiset<Clock::time_point>::iterator since_;
};

bool Turnstile::open(const Room& room) {
    const auto& inside = room.inside;
    const auto first_busy = inside.upper_bound(Clock::now() - room.limits.slow);
    const auto busy = static_cast<std::size_t>(std::distance(first_busy, inside.end()));
    return inside.size() < room.limits.most && busy < room.limits.busy;
}

/// When it may open without anybody leaving: the next one inside becomes slow.
Clock::time_point Turnstile::look_again(const Room& room) {
    const auto next = room.inside.upper_bound(Clock::now() - room.limits.slow);
    const bool full = room.inside.size() >= room.limits.most || next == room.inside.end();
    return full ? Clock::time_point::max() : *next + room.limits.slow;
}

Task<Turnstile::Pass> Turnstile::enter(std::shared_ptr<Room> room, Clock::time_point deadline) {
    while (!open(*room)) {
        if (Clock::now() >= deadline) {
            co_return nullptr;
        }
        co_await room->changed.wait_until(std::min(deadline, look_again(*room)));
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return nullptr;
        }
    }
    co_return std::make_shared<Inside>(room);
}

} // namespace oa_stream::authority
