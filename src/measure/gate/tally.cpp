#include "oa_stream/measure/tally.hpp"

#include "oa_stream/measure/cancelled.hpp"

#include "gate_judge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace oa_stream::measure {

std::uint64_t Tally::timed() const noexcept {
    if (buckets.empty()) {
        return first_content_s.size();
    }
    const double total = buckets.back().count;
    return total > 0 ? static_cast<std::uint64_t>(total) : 0;
}

namespace {

/// Divides the samples' window into k_blocks stretches.
struct Stretches {
    explicit Stretches(std::span<const Sample> samples) {
        if (!samples.empty()) {
            const auto [first, last] = std::ranges::minmax_element(samples, {}, &Sample::at_s);
            begin_s = first->at_s;
            length_s = (last->at_s - first->at_s) / static_cast<double>(k_blocks);
        }
    }
    [[nodiscard]] std::size_t of(const Sample& sample) const {
        const auto at = static_cast<std::size_t>((sample.at_s - begin_s) / length_s);
        return std::min(at, k_blocks - 1);
    }
    double begin_s = 0;
    double length_s = 0; ///< 0: the window has no length
};

/// Stores the times ascending, each with its stretch.
void put_times(Tally& tally, std::span<const Sample> samples, Timing timing) {
    const Stretches stretches(samples);
    if (stretches.length_s <= 0) {
        tally.first_content_s = times_sorted(samples, timing);
        return;
    }
    std::vector<std::pair<double, std::uint8_t>> all;
    const OnlyQuick only_quick(samples, timing);
    for (const Sample& sample : samples) {
        const auto time = time_of(sample, timing);
        if (time && !only_quick.holds(sample)) {
            all.emplace_back(*time, static_cast<std::uint8_t>(stretches.of(sample)));
        }
    }
    std::ranges::sort(all);
    for (const auto& [time, block] : all) {
        tally.first_content_s.push_back(time);
        tally.time_blocks.push_back(block);
    }
}

std::vector<Counts>
blocks_of(std::span<const Sample> samples, std::span<const std::string_view> endings) {
    const Stretches stretches(samples);
    if (stretches.length_s <= 0) {
        return {};
    }
    std::vector<Counts> out(k_blocks);
    for (const Sample& sample : samples) {
        Counts& block = out[stretches.of(sample)];
        block.total += is_cancelled(sample) ? 0 : 1;
        block.bad += counts_as_bad(sample, endings) ? 1 : 0;
    }
    return out;
}

} // namespace

Tally tally_of(std::span<const Sample> samples, Timing timing, std::string_view events) {
    const auto endings = endings_of(events).value_or(std::vector<std::string_view>{});
    Tally out{.requests = count_bad(samples, endings), .blocks = blocks_of(samples, endings)};
    put_times(out, samples, timing);
    return out;
}

} // namespace oa_stream::measure
