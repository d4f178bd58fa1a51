#include "access_log_index.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

constexpr double k_hour_s = 3600;
constexpr double k_minute_s = 60;
constexpr std::size_t k_most_damaged_minutes = 100'000;
constexpr double k_us = 1e6;

std::int64_t unit_of(double at_s, double unit_s) noexcept {
    return static_cast<std::int64_t>(std::floor(at_s / unit_s));
}

} // namespace

AccessLogIndex::AccessLogIndex(LogIndexLimits limits) : limits_(limits), all_(limits.silence_s) {
}

std::uint32_t AccessLogIndex::micros_of(std::optional<double> seconds) noexcept {
    if (!seconds) {
        return k_no_time;
    }
    return std::isinf(*seconds)
               ? k_endless
               : static_cast<std::uint32_t>(
                     std::min(std::round(*seconds * k_us), static_cast<double>(k_longest))
                 );
}

/// nullopt when there are too many: such a log was written by somebody who makes names up.
std::optional<AccessLogIndex::Key> AccessLogIndex::key_of(const AccessLine& line) {
    std::pair name(line.revision, line.post ? line.route : std::string());
    const auto known = keys_.find(name);
    if (known != keys_.end()) {
        return known->second;
    }
    if (names_.size() >= limits_.keys) {
        return std::nullopt;
    }
    const auto key = static_cast<Key>(names_.size());
    names_.push_back({name.first, name.second});
    keys_.emplace(std::move(name), key);
    return key;
}

void AccessLogIndex::add(std::size_t log, double written_s, const AccessLine& line) {
    const auto key = key_of(line);
    if (!key) {
        return add_damaged(written_s);
    }
    entries_.push_back({
        .written_s = written_s,
        .first_content_us = micros_of(line.first_content_s),
        .key = *key,
        .bad = line.bad,
    });
    all_.add(written_s);
    by_revision_.try_emplace(line.revision, limits_.silence_s).first->second.add(written_s);
    newest_of_log_.resize(std::max(newest_of_log_.size(), log + 1));
    newest_of_log_[log] = std::max(newest_of_log_[log], written_s);
    if (entries_.size() > limits_.requests_kept) {
        add_up_older_half();
        forget();
    }
}

void AccessLogIndex::add_damaged(double near_s) {
    ++damaged_[unit_of(near_s, k_minute_s)];
    if (damaged_.size() > k_most_damaged_minutes) {
        damaged_.erase(damaged_.begin());
    }
}

void AccessLogIndex::add_up_older_half() {
    const auto middle = entries_.begin() + static_cast<std::ptrdiff_t>((entries_.size() + 1) / 2);
    std::ranges::nth_element(entries_, middle, {}, &Entry::written_s);
    for (auto entry = entries_.begin(); entry != middle; ++entry) {
        const SliceId id{unit_of(entry->written_s, k_hour_s), entry->key};
        const auto [at, made] = slices_.try_emplace(id);
        Slice& slice = at->second;
        slice.first_s = made ? entry->written_s : std::min(slice.first_s, entry->written_s);
        slice.last_s = std::max(slice.last_s, entry->written_s);
        ++slice.by_bad[entry->bad];
        if (entry->first_content_us == k_endless) {
            ++slice.endless;
        } else if (entry->first_content_us != k_no_time) {
            slice.times.record(entry->first_content_us);
        }
    }
    entries_.erase(entries_.begin(), middle);
}

void AccessLogIndex::forget() {
    const double oldest_s = newest_s() - limits_.keep_s;
    while (!slices_.empty() &&
           (slices_.size() > limits_.slices ||
            static_cast<double>(slices_.begin()->first.first + 1) * k_hour_s < oldest_s)) {
        const double end = static_cast<double>(slices_.begin()->first.first + 1) * k_hour_s;
        forgotten_to_s_ = std::max(forgotten_to_s_, end);
        slices_.erase(slices_.begin());
    }
    damaged_.erase(damaged_.begin(), damaged_.lower_bound(unit_of(oldest_s, k_minute_s)));
}

double AccessLogIndex::newest_of(std::size_t log) const noexcept {
    return log < newest_of_log_.size() ? newest_of_log_[log] : 0;
}

std::uint64_t AccessLogIndex::damaged_in(const Span& window) const {
    std::uint64_t lines = 0;
    const auto end = damaged_.upper_bound(unit_of(window.to_s, k_minute_s));
    for (auto at = damaged_.lower_bound(unit_of(window.from_s, k_minute_s)); at != end; ++at) {
        lines += at->second;
    }
    return lines;
}

} // namespace oa_stream::measure
