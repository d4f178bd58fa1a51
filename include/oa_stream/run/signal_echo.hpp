// `timeout` signals a process and then its group, and so do supervisors: one wish, sent twice.
#pragma once

#include "oa_stream/base/task.hpp"

#include <chrono>

namespace oa_stream::run {

/// Separates a new signal from an echo of the one before. One for each process.
class SignalEcho {
public:
    /// Whether this is the same signal within a second of the last that was meant. What a person at
    /// the terminal may have typed never is.
    [[nodiscard]] bool repeats(int number);

private:
    static constexpr std::chrono::seconds k_echo{1};
    int first_ = 0;
    Clock::time_point at_{};
};

} // namespace oa_stream::run
