// The lane counters that `watch` reads. Private to the room.
#pragma once

#include <string>
#include <vector>

namespace oa_stream::measure::prometheus {

/// A counter's series, or a histogram's buckets, and the labels that they are summed by.
struct Counter {
    std::string name{};
    std::string by{}; ///< "job,instance,route"
};
/// All counters that a lane exports, and the buckets of the first content.
[[nodiscard]] std::vector<Counter> counters();
/// Counters of turns and of bad turns, from which a budget is computed.
[[nodiscard]] std::vector<Counter> counters_of_turns();

} // namespace oa_stream::measure::prometheus
