// Detects that the system clock was set. Age-based deletion pauses after such a change: the clock
// may be wrong now, or may have been wrong before.
#pragma once

#include "oa_stream/base/task.hpp"

#include <chrono>
#include <ctime>
#include <string_view>

namespace oa_stream::authority {

class ClockWatch {
public:
    struct Times {
        Millis passed{}; ///< since the machine started, sleep included
        Millis wall{}; ///< since 1970
    };
    static constexpr std::string_view k_warning =
        "the system clock was set: no unused thread is deleted before the next check";

    explicit ClockWatch(Times now = read()) : last_(now) {}

    /// The clock was set by more than a minute since the last call, or since construction.
    [[nodiscard]] bool was_set(Times now = read()) {
        const Millis apart = (now.wall - last_.wall) - (now.passed - last_.passed);
        last_ = now;
        return std::chrono::abs(apart) > k_tolerance;
    }

private:
    static constexpr Millis k_tolerance{60'000}; ///< slewing shifts it by up to two seconds an hour

    static Times read() {
        const auto of = [](clockid_t clock) {
            timespec now{};
            ::clock_gettime(clock, &now);
            return Millis(std::chrono::seconds(now.tv_sec)) + Millis(now.tv_nsec / 1'000'000);
        };
        return {of(CLOCK_BOOTTIME), of(CLOCK_REALTIME)};
    }

    Times last_;
};

} // namespace oa_stream::authority
