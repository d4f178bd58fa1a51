// What is counted of a shared store, for /metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace oa_stream::store {

/// Answers of the store that were errors or none, by what went wrong.
struct ErrorCounts {
    std::uint64_t late = 0; ///< none in time
    std::uint64_t down = 0; ///< no connection, or it broke
    std::uint64_t full = 0; ///< OOM
    std::uint64_t refused = 0; ///< the user's rights do not allow it
    std::uint64_t other = 0;
};

/// How often something took how long, by bucket.
struct Delays {
    static constexpr std::array k_bounds_s{
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5
    };
    std::array<std::uint64_t, k_bounds_s.size() + 1> counts{}; ///< the last: longer than all bounds
    double sum_s = 0;

    void observe(double seconds) noexcept {
        const auto* const bound = std::ranges::lower_bound(k_bounds_s, seconds);
        ++counts.at(static_cast<std::size_t>(bound - k_bounds_s.begin()));
        sum_s += seconds;
    }
};

/// Numbers for /metrics.
struct StoreNumbers {
    bool up = false;
    ErrorCounts errors{};
    std::uint64_t appends = 0;
    std::uint64_t append_bytes = 0;
    std::uint64_t short_waits = 0; ///< decisions that no copy had in time
    Delays round_trips{}; ///< of everything that was answered and does not wait for news
    Delays tail_lags{}; ///< from the holder's write until follow() had it, by both clocks
    std::size_t sessions = 0;
    std::size_t held = 0;
    double memory = 0; ///< share of its maxmemory that is used; 0: it has no limit
};

/// Turns that another replica had taken, by where this one learned of it.
struct FencedCounts {
    std::uint64_t append = 0; ///< a piece of it was not stored
    std::uint64_t end = 0;
    std::uint64_t commit = 0; ///< before it began
    std::uint64_t validate = 0; ///< the store had been away
};

/// What the lane of this process did with turns; it counts here.
struct TurnCounts {
    FencedCounts fenced{};
    std::uint64_t adopted = 0; ///< of a dead replica, and went on
    std::uint64_t reaped = 0; ///< of a dead replica, and ended
    std::uint64_t released = 0; ///< for others to adopt
    std::uint64_t gaps = 0; ///< readers cut because a log was lost
    std::uint64_t unsettled = 0; ///< endings that were sent before the store had them
    std::size_t inflight = 0; ///< bytes of turns that were sent, and have no answer yet
    std::size_t unacked = 0; ///< bytes of running turns that the store does not have yet
    std::size_t relays = 0; ///< turns of others that are read here now
    std::size_t tails = 0; ///< of them, those that run
};

} // namespace oa_stream::store
