#include "oa_stream/measure/tally.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {

std::uint64_t Tally::timed() const noexcept {
    if (buckets.empty()) {
        return first_content_s.size();
    }
    const double total = buckets.back().count;
    return total > 0 ? static_cast<std::uint64_t>(total) : 0;
}

namespace {

std::vector<Counts>
blocks_of(std::span<const Sample> samples, std::span<const std::string_view> endings) {
    const auto [first, last] = std::ranges::minmax_element(samples, {}, &Sample::at_s);
    if (samples.empty() || first->at_s >= last->at_s) {
        return {};
    }
    const double length = (last->at_s - first->at_s) / static_cast<double>(k_blocks);
    std::vector<Counts> out(k_blocks);
    for (const Sample& sample : samples) {
        const auto at = static_cast<std::size_t>((sample.at_s - first->at_s) / length);
        Counts& block = out[std::min(at, k_blocks - 1)];
        ++block.total;
        block.bad += counts_as_bad(sample, endings) ? 1 : 0;
    }
    return out;
}

} // namespace

Tally tally_of(std::span<const Sample> samples, Timing timing) {
    return tally_of(samples, timing, {});
}

Tally tally_of(std::span<const Sample> samples, Timing timing, std::string_view events) {
    const auto endings = endings_of(events).value_or(std::vector<std::string_view>{});
    return {
        .requests = count_bad(samples, endings),
        .first_content_s = times_sorted(samples, timing),
        .blocks = blocks_of(samples, endings),
    };
}

} // namespace oa_stream::measure
