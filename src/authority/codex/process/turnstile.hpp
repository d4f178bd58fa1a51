// So many callers at once; the others wait outside, first come, first served.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <set>

namespace oa_stream::authority {

/// For one thread.
class Turnstile {
public:
    struct Limits {
        std::size_t most;        ///< callers inside
        std::size_t busy = most; ///< … for less than `slow`: later they wait for something else
        Millis slow{0};
        /// Who stays longer, but not `slow`, was late because others are at work behind the
        /// turnstile: the place rests for as long as that.
        Millis usual = slow;
        /// Once there was a queue for so long, it will not end by itself: who stands in it then
        /// waits for `patience` at most.
        Millis standing = std::chrono::hours(24);
        Millis patience{0};
    };
    using Pass = std::shared_ptr<void>; ///< its holder is inside

    Turnstile(const asio::any_io_executor& executor, Limits limits)
        : room_(std::make_shared<Room>(executor, limits)) {}

    /// Null: `deadline` or the patience passed, or the caller is cancelled and must return.
    [[nodiscard]] Task<Pass> enter(Clock::time_point deadline) { return enter(room_, deadline); }

private:
    class Inside;
    class Waiter;
    struct Room {
        Room(asio::any_io_executor executor, Limits limits)
            : executor(std::move(executor)), limits(limits) {}
        asio::any_io_executor executor;
        Limits limits;
        std::multiset<Clock::time_point> inside{}; ///< since when
        std::multiset<Clock::time_point> rests{}; ///< until when
        std::list<asio::steady_timer> queue{}; ///< of who waits
        Clock::time_point queued_since{};
    };
    [[nodiscard]] static bool open(Room& room);
    [[nodiscard]] static Clock::time_point look_again(const Room& room);
    [[nodiscard]] static Task<Pass> enter(std::shared_ptr<Room> room, Clock::time_point deadline);

    std::shared_ptr<Room> room_;
};

} // namespace oa_stream::authority
