// The command line of churn.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace oa_stream::churn {

struct Options {
    std::string base;                    ///< "http://127.0.0.1:8080"
    std::string recordings;              ///< folder the lane replays from
    std::vector<std::string> captures{}; ///< names in it, for everybody but the slow
    std::string slow_capture{};          ///< for them: more than sockets can hold
    std::size_t streams = 200;           ///< at once
    Millis round{5000};                  ///< no stream begins after this
    std::size_t rounds = 2;
    Millis settle{8000}; ///< from the last stream's end to the measurement
    int pid = 0;         ///< of the lane; 0: its memory and descriptors are not measured
    std::uint64_t seed = 1;
};

/// "--name value" pairs. Errors: Code::usage.
[[nodiscard]] Result<Options> parse_options(std::span<const std::string> words);

} // namespace oa_stream::churn
