// Measures how long this process itself was stalled.
#pragma once

#include "oa_stream/base/task.hpp"

#include <chrono>
#include <memory>

namespace oa_stream::probe {

/// A late timer shows that nothing else on the loop ran either: the process was stopped, got no
/// processor time, or was busy. Measurements made meanwhile include that time. Not thread-safe.
class StallMeter {
public:
    /// Begins measuring.
    explicit StallMeter(const asio::any_io_executor& executor);
    StallMeter(const StallMeter&) = delete;
    StallMeter& operator=(const StallMeter&) = delete;
    ~StallMeter();

    /// Stalled time between both moments; includes a stall that has not ended.
    [[nodiscard]] double stalled_s(Clock::time_point from, Clock::time_point to) const;
    /// The longest stall that overlaps this period.
    [[nodiscard]] double longest_s(Clock::time_point from, Clock::time_point to) const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// At least half of a measured time is this process' own stall: it shows nothing about the target.
[[nodiscard]] constexpr bool is_own(double stalled_s, double measured_s) noexcept {
    return stalled_s > 0 && stalled_s * 2 >= measured_s;
}

} // namespace oa_stream::probe
