// Answers a question from the index: which requests count, what the sums cannot give exactly, and
// when there is no reading.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/measure/buckets.hpp"

#include "access_log_index.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {
namespace {

constexpr std::size_t k_most_names = 5; ///< revisions named in a sentence

std::vector<Bucket> in_buckets(const LogLinearHistogram& times, std::uint64_t endless) {
    std::vector<Bucket> out = times.cumulative(1 / k_us);
    if (endless > 0) {
        const auto finite = static_cast<double>(times.count());
        if (!out.empty()) {
            out.pop_back();
        }
        // The upper edge is above every finite time, so no limit lies in this bucket.
        out.push_back({.le = AccessLogIndex::k_longest / k_us, .count = finite});
        out.push_back({.le = k_infinite, .count = finite + static_cast<double>(endless)});
    }
    return tidy(out);
}

} // namespace

/// Sums the requests of one question.
class AccessLogIndex::Sum {
public:
    explicit Sum(const Question& question)
        : question_(question),
          asked_(question.classes.empty() ? telemetry::set_of(question.bad) : telemetry::BadSet(0)),
          classes_(telemetry::class_set(question.classes)) {}

    void add(const Entry& entry) {
        const std::uint32_t micros =
            question_.timing == Timing::duration ? entry.duration_us : entry.first_content_us;
        const bool timed = micros != k_no_time && (question_.timing == Timing::duration ||
                                                   question_.timing == Timing::first_content);
        const bool endless = micros == k_endless;
        const double seconds = endless ? k_infinite : micros / k_us;
        Counts& block = blocks_[block_of(entry.written_s)];
        ++block.total;
        block.bad += counts(entry.bad, entry.classes) ? 1 : 0;
        if (timed) {
            times_.push_back(seconds);
        }
        if (!question_.slower_than_s) {
            ++counts_.total;
            counts_.bad += counts(entry.bad, entry.classes) ? 1 : 0;
        } else if (timed) {
            ++counts_.total;
            counts_.bad += seconds > *question_.slower_than_s ? 1 : 0;
        }
    }
    void add(const Slice& slice) { add(slice, inside_); }
    /// Adds a slice that the window cuts: which of its requests are in the window is not known.
    void leave_out(const Slice& slice) { add(slice, edge_); }
    void finish(SourceReading& reading);
    [[nodiscard]] bool cuts_a_slice() const noexcept { return edge_.counts.total > 0; }

private:
    /// The sum of several slices.
    struct Slices {
        bool any = false;
        Counts counts{}; ///< requests by how they ended, without their times
        LogLinearHistogram times{};
        std::uint64_t endless = 0;
    };
    void add(const Slice& slice, Slices& into) const {
        const bool whole_turns = question_.timing == Timing::duration;
        (void)into.times.merge(whole_turns ? slice.durations : slice.times);
        into.endless += whole_turns ? slice.endless_turns : slice.endless;
        into.any = true;
        for (const auto& [sets, count] : slice.counts) {
            into.counts.total += count;
            into.counts.bad += counts(sets.first, sets.second) ? count : 0;
        }
    }
    void add_slices(SourceReading& reading);
    void add_edge(SourceReading& reading) const;
    /// The times of the slices and of the requests kept one by one, in buckets.
    [[nodiscard]] std::vector<Bucket> all_in_buckets();
    [[nodiscard]] std::size_t block_of(double written_s) const {
        const double part =
            (written_s - question_.window.from_s) / question_.window.seconds() * k_blocks;
        return std::min(static_cast<std::size_t>(std::max(0.0, part)), k_blocks - 1);
    }

    [[nodiscard]] bool counts(telemetry::BadSet bad, telemetry::ClassSet classes) const noexcept {
        return (bad & asked_) != 0 || (classes & classes_) != 0;
    }

    const Question& question_;
    telemetry::BadSet asked_;
    telemetry::ClassSet classes_;
    std::vector<Counts> blocks_ = std::vector<Counts>(k_blocks);
    Counts counts_{};
    std::vector<double> times_{};
    Slices inside_{}; ///< whole slices inside the window; their requests are in no block
    Slices edge_{};
};

std::vector<Bucket> AccessLogIndex::Sum::all_in_buckets() {
    for (const double seconds : times_) {
        if (std::isinf(seconds)) {
            ++inside_.endless;
        } else {
            inside_.times.record(static_cast<std::uint64_t>(std::llround(seconds * k_us)));
        }
    }
    return in_buckets(inside_.times, inside_.endless);
}

void AccessLogIndex::Sum::add_slices(SourceReading& reading) {
    if (!question_.slower_than_s) {
        counts_.total += inside_.counts.total;
        counts_.bad += inside_.counts.bad;
        return;
    }
    const auto within = at_most(in_buckets(inside_.times, 0), *question_.slower_than_s);
    const double slower =
        static_cast<double>(inside_.times.count()) - (within.certain + within.possible) / 2;
    counts_.total += inside_.times.count() + inside_.endless;
    counts_.bad += static_cast<std::uint64_t>(std::ceil(slower)) + inside_.endless;
    reading.count_error += std::ceil((within.possible - within.certain) / 2);
}

/// When slow requests are bad, edge requests in the bucket that contains the limit count as both
/// slow and quick.
void AccessLogIndex::Sum::add_edge(SourceReading& reading) const {
    reading.edge = {.requests = edge_.counts, .buckets = in_buckets(edge_.times, edge_.endless)};
    reading.edge_error += static_cast<double>(edge_.counts.total);
    if (question_.slower_than_s) {
        const auto within = at_most(reading.edge.buckets, *question_.slower_than_s);
        const auto quick = static_cast<std::uint64_t>(within.possible);
        const std::uint64_t slow =
            reading.edge.timed() - static_cast<std::uint64_t>(within.certain);
        reading.edge.requests = {.bad = slow, .total = slow + quick};
    }
    if (reading.edge.requests.total == 0) {
        return;
    }
    reading.notes.push_back(fmt::format(
        "older requests are kept by the minute, after a day by the hour: {}, {} of them bad, may "
        "lie on either side of the window's ends and are left out",
        counted(reading.edge.requests.total, "request"),
        reading.edge.requests.bad
    ));
}

void AccessLogIndex::Sum::finish(SourceReading& reading) {
    add_slices(reading);
    if (inside_.times.count() > 0 || inside_.endless > 0) {
        reading.tally.buckets = all_in_buckets();
        reading.notes.push_back(fmt::format(
            "times are kept in buckets: each is known to within {:.2g}%",
            100 * inside_.times.relative_error()
        ));
    } else {
        std::ranges::sort(times_);
        reading.tally.first_content_s = std::move(times_);
    }
    if (cuts_a_slice()) {
        add_edge(reading);
    }
    reading.tally.requests = counts_;
    if (!inside_.any && !edge_.any && !question_.slower_than_s) {
        reading.tally.blocks = std::move(blocks_);
    }
}

AccessLogIndex::Asked AccessLogIndex::asked_of(const Question& question) const {
    Asked asked{
        .alive = std::vector<bool>(names_.size()), .requests = std::vector<bool>(names_.size())
    };
    const auto on_route = [&](const std::string& route) {
        return question.routes.empty() ? telemetry::is_turn_route(route)
                                       : contains(question.routes, route);
    };
    for (std::size_t key = 0; key < names_.size(); ++key) {
        const KeyName& name = names_[key];
        asked.alive[key] = question.revision.empty() || name.revision == question.revision;
        asked.requests[key] = asked.alive[key] && !name.route.empty() && on_route(name.route);
    }
    return asked;
}

const LogSpans* AccessLogIndex::spans_of(const std::string& revision) const {
    if (revision.empty()) {
        return &all_;
    }
    const auto found = by_revision_.find(revision);
    return found == by_revision_.end() ? nullptr : &found->second;
}

std::string AccessLogIndex::why_missing(const Question& question, bool stopped) const {
    const std::string by =
        question.revision.empty() ? "" : fmt::format(" by revision '{}'", question.revision);
    const LogSpans* spans = spans_of(question.revision);
    if (stopped) {
        return fmt::format(
            "the log has stopped: its newest line{} before {} is more than {:.0f} s older",
            by,
            rfc3339_millis(wall_time(question.window.to_s)),
            limits_.silence_s
        );
    }
    std::string text = fmt::format(
        "no line{} was written between {} and {}",
        by,
        rfc3339_millis(wall_time(question.window.from_s)),
        rfc3339_millis(wall_time(question.window.to_s))
    );
    if (spans != nullptr) {
        return fmt::format(
            "{}; the newest is of {}", text, rfc3339_millis(wall_time(spans->last()))
        );
    }
    std::vector<std::string_view> names;
    names.reserve(by_revision_.size());
    for (const auto& [name, unused] : by_revision_) {
        names.push_back(name);
    }
    const bool many = names.size() > k_most_names;
    names.resize(std::min(names.size(), k_most_names));
    return fmt::format(
        "{}; there are lines by {}{}", text, fmt::join(names, ", "), many ? ", …" : ""
    );
}

/// Returns the number of the revision's lines in the window, including lines that are not requests.
std::uint64_t
AccessLogIndex::add_entries(const Question& question, const Asked& asked, Sum& sum) const {
    std::uint64_t alive = 0;
    for (const Entry& entry : entries_) {
        const bool inside =
            entry.written_s >= question.window.from_s && entry.written_s < question.window.to_s;
        alive += inside && asked.alive[entry.key] ? 1 : 0;
        if (inside && asked.requests[entry.key]) {
            sum.add(entry);
        }
    }
    return alive;
}

/// Slices entirely within the window are counted. An hour that the window cuts shortens `covered`
/// by its part of the window; a minute is too short to matter.
std::uint64_t AccessLogIndex::add_slices(
    const Question& question, const Asked& asked, Sum& sum, Span& covered
) const {
    const Span& window = question.window;
    std::uint64_t alive = 0;
    const auto add = [&](const SliceId& id, const Slice& slice) {
        const bool begins = slice.first_s >= window.from_s;
        const bool ends = slice.last_s < window.to_s;
        if (slice.last_s < window.from_s || slice.first_s >= window.to_s) {
            return;
        }
        alive += begins && ends && asked.alive[id.second] ? 1 : 0;
        if (!asked.requests[id.second]) {
            return;
        }
        if (begins && ends) {
            return sum.add(slice);
        }
        sum.leave_out(slice);
        if (slice.last_s - slice.first_s > k_minute_s) {
            covered.from_s = begins ? covered.from_s : std::max(covered.from_s, slice.last_s);
            covered.to_s = ends ? covered.to_s : std::min(covered.to_s, slice.first_s);
        }
    };
    for (const auto* slices : {&minutes_, &hours_}) {
        for (const auto& [id, slice] : *slices) {
            add(id, slice);
        }
    }
    return alive;
}

SourceReading AccessLogIndex::answer(const Question& question) const {
    const Span& window = question.window;
    const LogSpans* spans = spans_of(question.revision);
    const Asked asked = asked_of(question);
    SourceReading reading;
    reading.newest_s = spans == nullptr ? 0 : spans->last();
    Sum sum(question);
    const double known_s = std::clamp(forgotten_to_s_, window.from_s, window.to_s);
    Span covered{known_s, window.to_s};
    const std::uint64_t alive =
        add_entries(question, asked, sum) + add_slices(question, asked, sum, covered);
    const bool stopped =
        spans != nullptr && !spans->touch(window.to_s - limits_.silence_s, window.to_s);
    if (alive == 0 || stopped) {
        reading.why = alive == 0 && sum.cuts_a_slice()
                          ? "requests of that time are kept in sums, and the window cuts them"
                          : why_missing(question, alive > 0);
        return reading;
    }
    reading.state = SourceReading::State::measured;
    reading.covered_s = covered.from_s < covered.to_s ? spans->covered(covered) : 0;
    sum.finish(reading);
    if (const auto damaged = damaged_in(window); damaged > 0) {
        reading.unread += static_cast<double>(damaged);
        reading.notes.push_back(fmt::format(
            "{}, each of which may have been a request", counted(damaged, "lost or damaged line")
        ));
    }
    if (known_s > window.from_s) {
        reading.uncovered = fmt::format(
            "requests before {} were too many to keep and are no longer known",
            rfc3339_millis(wall_time(known_s))
        );
        const auto total = static_cast<double>(reading.tally.requests.total);
        reading.uncovered_requests =
            std::ceil(total * (known_s - window.from_s) / std::max(reading.covered_s, 1.0));
    }
    return reading;
}

} // namespace oa_stream::measure
