// The content of access logs, kept so that any window can be queried: the newest requests one by
// one, older ones summed by the minute, after some days by the hour.
#pragma once

#include "oa_stream/measure/access_log_line.hpp"
#include "oa_stream/measure/histogram.hpp"
#include "oa_stream/measure/source.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace oa_stream::measure {

/// Stretches of time with lines, in which no silence is longer than the limit.
class LogSpans {
public:
    explicit LogSpans(double silence_s) : silence_s_(silence_s) {}
    void add(double at_s);
    /// Seconds of the window that they cover, including the time since the last line, up to the
    /// limit.
    [[nodiscard]] double covered(const Span& window) const noexcept;
    /// Whether there is a line between these times, or a stretch around them.
    [[nodiscard]] bool touch(double from_s, double to_s) const noexcept;
    [[nodiscard]] double first() const noexcept {
        return spans_.empty() ? 0 : spans_.front().from_s;
    }
    [[nodiscard]] double last() const noexcept { return spans_.empty() ? 0 : spans_.back().to_s; }
    [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }

private:
    double silence_s_;
    std::vector<Span> spans_{}; ///< closed intervals, ascending, disjoint
};

/// Microseconds in a second: times are stored as whole microseconds.
inline constexpr double k_us = 1e6;
inline constexpr double k_minute_s = 60;

struct LogIndexLimits {
    double silence_s = 300;
    std::size_t requests_kept = 500'000;
    double keep_s = 35.0 * 86'400;
    std::size_t keys = 1000; ///< revisions times routes; lines with further keys count as damaged
    /// How far back sums are kept by the minute; older ones are by the hour.
    double minutes_s = 86'400;
    /// Minutes and hours, times keys; beyond it minutes become hours earlier.
    std::size_t slices = 4000;
};

/// Memory is bounded by the limits: about 80 bytes per kept request and 20 KB per slice. Not
/// thread-safe.
class AccessLogIndex {
public:
    explicit AccessLogIndex(LogIndexLimits limits);

    /// Adds one line of `log` (a small number that names the log) with the time it was written.
    void add(std::size_t log, double written_s, const AccessLine& line);
    /// Adds a line that reports lost lines. False: it was added before.
    [[nodiscard]] bool add_lost(double written_s, const AccessLine& line);
    /// Adds lines that may have been requests, written between these times (inclusive).
    void add_damaged(const Span& written, std::uint64_t lines);

    [[nodiscard]] SourceReading answer(const Question& question) const;

    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] double newest_s() const noexcept { return all_.last(); }
    /// Why the log does not cover the window: it stopped, was silent for too long within the
    /// window, or begins long after the window's start although the revision already served. Empty:
    /// it covers the window, or is not a log of the revision.
    [[nodiscard]] std::string gap_of(std::size_t log, const Question& question) const;
    /// How many requests may be missing, at the log's own mean rate, when the log begins a little
    /// after the window's start although the revision already served: its earlier file may be gone.
    [[nodiscard]] double missed_before(std::size_t log, const Question& question) const;
    /// Seconds of the window that the log covers; nullopt: it is not a log of the revision.
    [[nodiscard]] std::optional<double> covered_by(std::size_t log, const Question& question) const;
    /// Number of lines left out because an identical line was added before.
    [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_; }
    [[nodiscard]] std::size_t kept() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t sums() const noexcept { return minutes_.size() + hours_.size(); }
    /// The largest sums() so far.
    [[nodiscard]] std::size_t most_sums() const noexcept { return most_sums_; }

    /// A slower finite time (above 71 minutes) is stored as this.
    static constexpr std::uint32_t k_longest = 0xffff'fffd;

private:
    using Key = std::uint16_t;
    struct KeyName {
        std::string revision;
        std::string route; ///< empty: not a POST; only shows that the revision is alive
    };
    static constexpr std::uint32_t k_no_time = 0xffff'ffff;
    static constexpr std::uint32_t k_endless = 0xffff'fffe;
    struct Entry {
        double written_s;
        std::uint32_t first_content_us; ///< k_no_time: none; k_endless: ran into a time limit
        std::uint32_t duration_us; ///< same special values
        Key key;
        telemetry::BadSet bad;
        telemetry::ClassSet classes;
    };
    /// The requests of one minute or hour and one key.
    struct Slice {
        void add(const Entry& entry);
        void add(const Slice& other);

        /// Number of requests by the ways in which they were bad and their classes.
        std::map<std::pair<telemetry::BadSet, telemetry::ClassSet>, std::uint64_t> counts{};
        LogLinearHistogram times{};
        std::uint64_t endless = 0; ///< requests that ran into a time limit before any content
        LogLinearHistogram durations{};
        std::uint64_t endless_turns = 0; ///< turns that ran into a time limit
        double first_s = k_infinite;
        double last_s = 0;
    };
    using SliceId = std::pair<std::int64_t, Key>; ///< minutes or hours since 1970
    /// The keys that a question covers.
    struct Asked {
        std::vector<bool> alive; ///< keys of the revision, on any route
        std::vector<bool> requests; ///< keys of the revision and the routes
    };
    class Sum;

    /// False: the line was added before.
    [[nodiscard]] bool fresh(std::uint64_t id);
    static void add_time(std::uint32_t micros, LogLinearHistogram& into, std::uint64_t& endless);
    [[nodiscard]] static std::uint32_t micros_of(std::optional<double> seconds) noexcept;
    [[nodiscard]] std::optional<Key> key_of(const AccessLine& line);
    [[nodiscard]] Asked asked_of(const Question& question) const;
    [[nodiscard]] std::uint64_t add_entries(const Question&, const Asked&, Sum& sum) const;
    [[nodiscard]] std::uint64_t
    add_slices(const Question&, const Asked&, Sum& sum, Span& covered) const;
    [[nodiscard]] const LogSpans* spans_of(const std::string& revision) const;
    /// Whether any log has a line of the revision from before the window.
    [[nodiscard]] bool served_before(const Question& question) const;
    void add_up_older_half();
    void add_up_by_hour(std::int64_t to_minute);
    void bound_sums();
    [[nodiscard]] double end_of_oldest_hour() const noexcept;
    void forget_oldest_hour();
    void forget();
    [[nodiscard]] std::uint64_t damaged_in(const Span& window) const;
    [[nodiscard]] std::string why_missing(const Question& question, bool stopped) const;

    LogIndexLimits limits_;
    std::map<std::pair<std::string, std::string>, Key> keys_{};
    std::vector<KeyName> names_{};
    std::vector<Entry> entries_{}; ///< unordered
    std::map<SliceId, Slice> minutes_{};
    std::map<SliceId, Slice> hours_{};
    std::size_t most_sums_ = 0;
    /// The first minute since 1970 that may be in minutes_; earlier ones are in hours.
    std::int64_t by_hour_to_ = 0;
    /// By the first and the last minute since 1970 in which the lines may have been written.
    std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> damaged_{};
    LogSpans all_;
    std::map<std::string, LogSpans, std::less<>> by_revision_{};
    struct Log {
        double newest_s = 0;
        LogSpans spans;
        std::set<std::string, std::less<>> revisions{};
        std::map<Key, std::uint64_t> lines{}; ///< number of lines since the log begins
    };
    std::vector<Log> logs_{};
    std::unordered_set<std::uint64_t> ids_{};
    std::deque<std::uint64_t> id_order_{}; ///< oldest first
    std::uint64_t doubled_ = 0;
    double forgotten_to_s_ = 0; ///< time of the newest request whose id was forgotten
};

} // namespace oa_stream::measure
