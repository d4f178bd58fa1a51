// One timer for all turns in play. Turns due within one step share a wake-up: with a timer for
// each, a thousand turns would cost twice as much per delta.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace oa_stream::authority {

class ReplayClock : public std::enable_shared_from_this<ReplayClock> {
public:
    using Step = std::chrono::milliseconds;

    class Sleeper {
    public:
        Sleeper() = default;
        Sleeper(const Sleeper&) = delete;
        Sleeper& operator=(const Sleeper&) = delete;
        virtual ~Sleeper() = default;
        virtual void woken() = 0;
    };

    explicit ReplayClock(const asio::any_io_executor& executor) : timer_(executor) {}

    /// Calls woken() from the loop at `at`, or up to a step earlier.
    void wake(std::weak_ptr<Sleeper> sleeper, Clock::time_point at);
    /// Calls woken() in the next iteration of the loop.
    void wake_soon(std::weak_ptr<Sleeper> sleeper);

private:
    using Sleepers = std::vector<std::weak_ptr<Sleeper>>;
    void arm();
    void tick();

    asio::steady_timer timer_;
    std::map<Clock::time_point, Sleepers> due_{};
    Sleepers spare_{}; ///< reuses its memory
    Clock::time_point armed_ = Clock::time_point::max();
    bool ticking_ = false;
};

} // namespace oa_stream::authority
