// How long this process itself stood still.
#pragma once

#include "oa_stream/base/task.hpp"

#include <chrono>
#include <memory>

namespace oa_stream::probe {

/// A timer that comes late says that nothing else of the loop ran either: the process was stopped,
/// got no processor, or was busy. What was measured meanwhile holds that time. One thread.
class StallMeter {
public:
    /// Measures from now on.
    explicit StallMeter(const asio::any_io_executor& executor);
    StallMeter(const StallMeter&) = delete;
    StallMeter& operator=(const StallMeter&) = delete;
    ~StallMeter();

    /// Of the time between both; a stall that has not ended counts as well.
    [[nodiscard]] double stalled_s(Clock::time_point from, Clock::time_point to) const;
    /// The longest that touches the time between both.
    [[nodiscard]] double longest_s(Clock::time_point from, Clock::time_point to) const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// At least half of a time that was measured is this process' own: it says nothing of the target.
[[nodiscard]] constexpr bool is_own(double stalled_s, double measured_s) noexcept {
    return stalled_s > 0 && stalled_s * 2 >= measured_s;
}

} // namespace oa_stream::probe
