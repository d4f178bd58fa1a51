// So many callers at once; the others wait outside, first come, first served. How many are let in
// follows from how long they take: what is behind it has cores that are not known here.
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
        std::size_t most; ///< callers inside, when some wait and many in a row were in time
        std::size_t least = most; ///< … at first, and once one was late
        /// Who stays longer was late, because others are at work behind the turnstile: the place
        /// rests for as long as that. At least a quarter more than the quickest one took alone.
        Millis usual{0};
        /// Who stays so long waits for something else, and does not count for `least`.
        Millis slow = usual;
    };
    using Pass = std::shared_ptr<void>; ///< its holder is inside

    Turnstile(const asio::any_io_executor& executor, Limits limits)
        : room_(std::make_shared<Room>(executor, limits)) {}

    /// Null: `deadline` passed, or the caller is cancelled and must return.
    [[nodiscard]] Task<Pass> enter(Clock::time_point deadline) { return enter(room_, deadline); }

private:
    class Inside;
    class Waiter;
    struct Room {
        Room(asio::any_io_executor executor, Limits limits)
            : executor(std::move(executor)), limits(limits), places(limits.least) {}
        [[nodiscard]] bool open();
        [[nodiscard]] Clock::time_point look_again() const;
        void left(Clock::duration took, bool alone);
        asio::any_io_executor executor;
        Limits limits;
        std::multiset<Clock::time_point> inside{}; ///< since when
        std::multiset<Clock::time_point> rests{}; ///< until when
        std::list<asio::steady_timer> queue{}; ///< of who waits
        std::size_t places; ///< from `least` to `most`
        std::size_t in_time = 0; ///< how many in a row
        Clock::duration quickest{0}; ///< alone; 0: none was
    };
    [[nodiscard]] static Task<Pass> enter(std::shared_ptr<Room> room, Clock::time_point deadline);

    std::shared_ptr<Room> room_;
};

} // namespace oa_stream::authority
