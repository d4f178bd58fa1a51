// Numbers about a shared store, for /metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace oa_stream::store {

/// Requests to the store that failed, by cause.
struct ErrorCounts {
    std::uint64_t late = 0; ///< no answer in time
    std::uint64_t down = 0; ///< no connection, or it was lost
    std::uint64_t full = 0; ///< OOM
    std::uint64_t refused = 0; ///< the user lacks the rights
    std::uint64_t other = 0;
};

/// How often a delay fell into each bucket.
struct Delays {
    static constexpr std::array k_bounds_s{
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5
    };
    /// The last one: longer than all bounds
    std::array<std::uint64_t, k_bounds_s.size() + 1> counts{};
    double sum_s = 0;

    void observe(double seconds) noexcept {
        const auto* const bound = std::ranges::lower_bound(k_bounds_s, seconds);
        ++counts.at(static_cast<std::size_t>(bound - k_bounds_s.begin()));
        sum_s += seconds;
    }
};

/// The store's numbers for /metrics.
struct StoreNumbers {
    bool up = false;
    ErrorCounts errors{};
    std::uint64_t appends = 0;
    std::uint64_t append_bytes = 0;
    std::uint64_t short_waits = 0; ///< decisions that no copy of the server had in time
    Delays round_trips{}; ///< of all answered commands that do not wait for news
    /// From the write by the turn's replica until follow() returned it, by the clocks of both
    /// machines
    Delays tail_lags{};
    std::size_t sessions = 0;
    std::size_t held = 0;
    double memory = 0; ///< used share of its maxmemory; 0: it has no limit
};

/// Turns that another replica had taken, by the operation in which this one noticed it.
struct FencedCounts {
    std::uint64_t append = 0; ///< while storing a piece of it
    std::uint64_t end = 0;
    std::uint64_t commit = 0; ///< before the turn began
    std::uint64_t validate = 0; ///< after the store had been away
};

/// What the lane of this process did with turns; the lane counts here.
struct TurnCounts {
    FencedCounts fenced{};
    std::uint64_t adopted = 0; ///< turns of dead replicas that were continued
    std::uint64_t reaped = 0; ///< turns of dead replicas that were ended
    std::uint64_t released = 0; ///< turns that were left to other replicas
    std::uint64_t gaps = 0; ///< readers cut because a log was lost
    std::uint64_t unsettled = 0; ///< endings that were sent before the store had them
    std::size_t inflight = 0; ///< bytes of turns that were sent and have no answer yet
    std::size_t unacked = 0; ///< bytes of running turns that the store does not have yet
    std::size_t relays = 0; ///< turns of other replicas that are read here now
    std::size_t tails = 0; ///< … that are running
};

} // namespace oa_stream::store
