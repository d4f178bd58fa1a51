// Limits the number of concurrent callers; the others wait in order of arrival. The limit adapts to
// how long callers take, because the number of cores behind it is unknown here.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <set>

namespace oa_stream::authority {

/// For one thread only.
class Turnstile {
public:
    struct Limits {
        /// maximum callers inside, reached when some wait and many in a row were punctual
        std::size_t most;
        std::size_t least = most; ///< minimum: at first, and after a late caller
        /// A caller that stays longer is late, because it competes with others behind the
        /// turnstile; its place then rests for the excess time. The threshold is at least a quarter
        /// above the quickest caller that was alone.
        Millis usual{0};
        /// A caller that stays this long waits for something else and does not count for `least`.
        Millis slow = usual;
    };
    using Pass = std::shared_ptr<void>; ///< the holder counts as inside

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
        std::multiset<Clock::time_point> inside{}; ///< entry times
        std::multiset<Clock::time_point> rests{}; ///< end times of resting places
        std::list<asio::steady_timer> queue{}; ///< waiting callers
        std::size_t places; ///< from `least` to `most`
        std::size_t in_time = 0; ///< punctual callers in a row
        Clock::duration quickest{0}; ///< fastest caller that was alone; 0: none yet
    };
    [[nodiscard]] static Task<Pass> enter(std::shared_ptr<Room> room, Clock::time_point deadline);

    std::shared_ptr<Room> room_;
};

} // namespace oa_stream::authority
