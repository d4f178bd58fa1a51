// How many lines a pipe brings: above a rate it pays to read them together.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>

namespace oa_stream::authority {

class LineRate {
public:
    /// Fewer come from one chat, even of a fast model: each of its words is passed on at once.
    static constexpr std::size_t k_many = 500; ///< lines a second
    static constexpr Millis k_span{100};       ///< of which the rate is taken

    explicit LineRate(Clock::time_point now) : began_(now) {}

    /// `lines` were read at `now`, which never goes back.
    void add(std::size_t lines, Clock::time_point now) {
        lines_ += lines;
        const auto span = now - began_;
        if (span >= k_span) {
            const auto ms = std::chrono::duration_cast<Millis>(span).count();
            many_ = lines_ * 1'000 >= k_many * static_cast<std::size_t>(ms);
            lines_ = 0;
            began_ = now;
        }
    }
    /// Of the last whole span.
    [[nodiscard]] bool many() const noexcept { return many_; }

private:
    Clock::time_point began_;
    std::size_t lines_ = 0;
    bool many_ = false;
};

} // namespace oa_stream::authority
