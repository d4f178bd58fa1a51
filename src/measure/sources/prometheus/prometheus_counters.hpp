// Which counters of lanes watch reads. Private to the room.
#pragma once

#include <string>
#include <vector>

namespace oa_stream::measure::prometheus {

/// A counter's series, or a histogram's buckets, and by which labels they are added up.
struct Counter {
    std::string name{};
    std::string by{}; ///< "job,instance,route"
};
/// All that a lane exports, and the buckets of the first content.
[[nodiscard]] std::vector<Counter> counters();
/// Of turns and of bad turns: what a budget is counted by.
[[nodiscard]] std::vector<Counter> counters_of_turns();

} // namespace oa_stream::measure::prometheus
