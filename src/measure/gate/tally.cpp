#include "oa_stream/measure/tally.hpp"

#include <cmath>

namespace oa_stream::measure {

std::uint64_t Tally::timed() const noexcept {
    if (buckets.empty()) {
        return first_content_s.size();
    }
    const double total = buckets.back().count;
    return total > 0 ? static_cast<std::uint64_t>(total) : 0;
}

Tally tally_of(std::span<const Sample> samples) {
    return {.requests = count_bad(samples), .first_content_s = first_content_sorted(samples)};
}

} // namespace oa_stream::measure
