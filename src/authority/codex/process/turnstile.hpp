// So many callers at once; the others wait outside.
#pragma once

#include "signal.hpp"

#include <cstddef>
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
    };
    using Pass = std::shared_ptr<void>; ///< its holder is inside

    Turnstile(const asio::any_io_executor& executor, Limits limits)
        : room_(std::make_shared<Room>(executor, limits)) {}

    /// Null: `deadline` passed, or the caller is cancelled and must return.
    [[nodiscard]] Task<Pass> enter(Clock::time_point deadline) { return enter(room_, deadline); }

private:
    struct Room {
        Room(const asio::any_io_executor& executor, Limits limits)
            : limits(limits), changed(executor) {}
        Limits limits;
        std::multiset<Clock::time_point> inside{}; ///< since when
        Signal changed;
    };
    class Inside;
    [[nodiscard]] static bool open(const Room& room);
    [[nodiscard]] static Clock::time_point look_again(const Room& room);
    [[nodiscard]] static Task<Pass> enter(std::shared_ptr<Room> room, Clock::time_point deadline);

    std::shared_ptr<Room> room_;
};

} // namespace oa_stream::authority
