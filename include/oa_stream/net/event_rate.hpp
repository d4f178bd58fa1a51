// Measures the rate of events: above a certain rate, handling them in batches pays off.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>

namespace oa_stream::net {

class EventRate {
public:
    static constexpr Millis k_span{100}; ///< the rate is measured over such spans

    /// `many`: from this many events per second on, many() holds.
    EventRate(std::size_t many, Clock::time_point now) : many_from_(many), began_(now) {}

    /// `count` events happened at `now`, which must never decrease.
    void add(std::size_t count, Clock::time_point now) {
        count_ += count;
        const auto span = now - began_;
        if (span >= k_span) {
            const auto ms = std::chrono::duration_cast<Millis>(span).count();
            many_ = count_ * 1'000 >= many_from_ * static_cast<std::size_t>(ms);
            count_ = 0;
            began_ = now;
        }
    }
    /// Whether the rate of the last complete span was high.
    [[nodiscard]] bool many() const noexcept { return many_; }

private:
    std::size_t many_from_;
    Clock::time_point began_;
    std::size_t count_ = 0;
    bool many_ = false;
};

} // namespace oa_stream::net
