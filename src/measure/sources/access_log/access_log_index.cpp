#include "access_log_index.hpp"

#include "oa_stream/base/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

constexpr double k_hour_s = 3600;
constexpr std::int64_t k_hour_minutes = 60;
constexpr std::size_t k_most_damaged_spans = 100'000;
/// By chance (e^-3, 5 % of windows) a complete log begins this many mean request intervals late,
/// per log.
constexpr double k_late_by_chance = 3;

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

/// nullopt when there are too many keys: the log's names are not genuine.
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
        return add_damaged({written_s, written_s}, 1);
    }
    while (logs_.size() <= log) {
        logs_.push_back({.spans = LogSpans(limits_.silence_s)});
    }
    Log& from = logs_[log];
    from.newest_s = std::max(from.newest_s, written_s);
    from.spans.add(written_s);
    from.revisions.insert(line.revision);
    if (!fresh(line.id)) {
        return;
    }
    ++from.lines[*key];
    entries_.push_back(
        {.written_s = written_s,
         .first_content_us = micros_of(line.first_content_s),
         .duration_us = micros_of(line.duration_s),
         .key = *key,
         .bad = line.bad,
         .classes = line.classes}
    );
    all_.add(written_s);
    by_revision_.try_emplace(line.revision, limits_.silence_s).first->second.add(written_s);
    if (entries_.size() > limits_.requests_kept) {
        add_up_older_half();
        forget();
    }
}

bool AccessLogIndex::add_lost(double written_s, const AccessLine& line) {
    const bool first = fresh(line.id);
    if (first) {
        add_damaged({written_s, written_s}, line.lost);
    }
    return first;
}

void AccessLogIndex::add_damaged(const Span& written, std::uint64_t lines) {
    damaged_[{unit_of(written.from_s, k_minute_s), unit_of(written.to_s, k_minute_s)}] += lines;
    if (damaged_.size() > k_most_damaged_spans) {
        damaged_.erase(damaged_.begin());
    }
}

void AccessLogIndex::Slice::add(const Entry& entry) {
    first_s = std::min(first_s, entry.written_s);
    last_s = std::max(last_s, entry.written_s);
    ++counts[{entry.bad, entry.classes}];
    add_time(entry.first_content_us, times, endless);
    add_time(entry.duration_us, durations, endless_turns);
}

void AccessLogIndex::Slice::add(const Slice& other) {
    first_s = std::min(first_s, other.first_s);
    last_s = std::max(last_s, other.last_s);
    for (const auto& [sets, count] : other.counts) {
        counts[sets] += count;
    }
    (void)times.merge(other.times);
    endless += other.endless;
    (void)durations.merge(other.durations);
    endless_turns += other.endless_turns;
}

void AccessLogIndex::add_up_older_half() {
    const auto middle = entries_.begin() + static_cast<std::ptrdiff_t>((entries_.size() + 1) / 2);
    std::ranges::nth_element(entries_, middle, {}, &Entry::written_s);
    add_up_by_hour(unit_of(newest_s() - std::min(limits_.minutes_s, limits_.keep_s), k_minute_s));
    for (auto entry = entries_.begin(); entry != middle; ++entry) {
        const std::int64_t minute = unit_of(entry->written_s, k_minute_s);
        if (minute < by_hour_to_) {
            hours_[{unit_of(entry->written_s, k_hour_s), entry->key}].add(*entry);
        } else {
            minutes_[{minute, entry->key}].add(*entry);
        }
        most_sums_ = std::max(most_sums_, sums());
        bound_sums();
    }
    entries_.erase(entries_.begin(), middle);
}

/// Merges minutes before `to_minute` into their hours.
void AccessLogIndex::add_up_by_hour(std::int64_t to_minute) {
    by_hour_to_ = std::max(by_hour_to_, to_minute);
    while (!minutes_.empty() && minutes_.begin()->first.first < by_hour_to_) {
        const auto& [id, slice] = *minutes_.begin();
        hours_[{id.first / k_hour_minutes, id.second}].add(slice);
        minutes_.erase(minutes_.begin());
    }
}

/// Runs after each added slice: the older half of the entries may span as many hours as the log
/// has.
void AccessLogIndex::bound_sums() {
    while (sums() > limits_.slices) {
        if (minutes_.empty()) {
            forget_oldest_hour();
        } else { // a minute takes as much memory as an hour
            add_up_by_hour(minutes_.begin()->first.first + 1);
        }
    }
}

double AccessLogIndex::end_of_oldest_hour() const noexcept {
    return static_cast<double>(hours_.begin()->first.first + 1) * k_hour_s;
}

void AccessLogIndex::forget_oldest_hour() {
    forgotten_to_s_ = std::max(forgotten_to_s_, end_of_oldest_hour());
    hours_.erase(hours_.begin());
}

void AccessLogIndex::forget() {
    const double oldest_s = newest_s() - limits_.keep_s;
    while (!hours_.empty() && end_of_oldest_hour() < oldest_s) {
        forget_oldest_hour();
    }
    const std::int64_t oldest = unit_of(oldest_s, k_minute_s);
    std::erase_if(damaged_, [&](const auto& some) { return some.first.second < oldest; });
}

bool AccessLogIndex::served_before(const Question& question) const {
    const LogSpans* spans = spans_of(question.revision);
    return spans != nullptr && !spans->empty() && spans->first() <= question.window.from_s;
}

std::string AccessLogIndex::gap_of(std::size_t log, const Question& question) const {
    if (log >= logs_.size() || logs_[log].spans.empty()) {
        return "has no line";
    }
    const Log& one = logs_[log];
    if (!question.revision.empty() && !one.revisions.contains(question.revision)) {
        return {};
    }
    const Span& window = question.window;
    if (one.newest_s < window.to_s - limits_.silence_s) {
        return fmt::format("stopped at {}", rfc3339_millis(wall_time(one.newest_s)));
    }
    const double first = one.spans.first();
    const Span lived{std::max(window.from_s, first), window.to_s};
    const double silent = lived.seconds() - one.spans.covered(lived);
    if (silent > 1) {
        return fmt::format("has no line for {:.0f} s of the window", silent);
    }
    const bool young = first > window.from_s + limits_.silence_s;
    return young && served_before(question)
               ? fmt::format("begins at {}, within the window", rfc3339_millis(wall_time(first)))
               : "";
}

double AccessLogIndex::missed_before(std::size_t log, const Question& question) const {
    if (log >= logs_.size() || logs_[log].spans.empty() || !served_before(question)) {
        return 0;
    }
    const Log& one = logs_[log];
    const double first = one.spans.first();
    const double late_s = std::max(0.0, first - question.window.from_s);
    const Asked asked = asked_of(question);
    double requests = -1; // excludes the first request, which only ends the time without any
    for (const auto& [key, lines] : one.lines) {
        requests += asked.requests[key] ? static_cast<double>(lines) : 0;
    }
    const double to_s = std::max({one.newest_s, question.window.to_s, first + 1});
    const double missed = std::ceil(requests * late_s / (to_s - first));
    return missed > k_late_by_chance ? missed : 0;
}

std::optional<double> AccessLogIndex::covered_by(std::size_t log, const Question& question) const {
    if (log >= logs_.size() || logs_[log].spans.empty()) {
        return 0;
    }
    const Log& one = logs_[log];
    return question.revision.empty() || one.revisions.contains(question.revision)
               ? std::optional(one.spans.covered(question.window))
               : std::nullopt;
}

bool AccessLogIndex::fresh(std::uint64_t id) {
    if (!ids_.insert(id).second) {
        ++doubled_;
        return false;
    }
    id_order_.push_back(id);
    if (id_order_.size() > limits_.requests_kept) {
        ids_.erase(id_order_.front());
        id_order_.pop_front();
    }
    return true;
}

void AccessLogIndex::add_time(
    std::uint32_t micros, LogLinearHistogram& into, std::uint64_t& endless
) {
    if (micros == k_endless) {
        ++endless;
    } else if (micros != k_no_time) {
        into.record(micros);
    }
}

std::uint64_t AccessLogIndex::damaged_in(const Span& window) const {
    const std::int64_t first = unit_of(window.from_s, k_minute_s);
    const std::int64_t last = unit_of(window.to_s, k_minute_s);
    std::uint64_t lines = 0;
    for (const auto& [minutes, some] : damaged_) {
        lines += minutes.first <= last && minutes.second >= first ? some : 0;
    }
    return lines;
}

} // namespace oa_stream::measure
