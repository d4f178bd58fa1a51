// The PromQL queries of a question. Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include "promql.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::measure::prometheus {

inline constexpr std::string_view k_by_target = " by (job, instance)"; ///< suffix of a sum

/// The queries of one question; all look back from the window's end.
class Queries {
public:
    /// Options and question must outlive the queries.
    Queries(const PrometheusOptions& options, const Question& question);

    /// Raw samples of the revision's build_info, one series per target: the times of its scrapes.
    [[nodiscard]] std::string scrapes(double look_s) const;
    /// Number of these samples per target in the window.
    [[nodiscard]] std::string scrapes_of_each() const;
    /// The largest number of these samples of one target, in each step of `step_s`.
    [[nodiscard]] std::string scraped_by_step(double step_s) const;
    /// `up` of every target that had the revision in the window.
    [[nodiscard]] std::string up() const;
    /// Targets that are down and had no lane within a day, of jobs that have lanes of the revision.
    [[nodiscard]] std::string never_seen() const;
    /// The revision's targets that also had other revisions in the window, when only build_info
    /// distinguishes them; empty when no query is needed.
    [[nodiscard]] std::string shared_targets() const;

    /// The revision's targets behind which several processes answer in turn.
    [[nodiscard]] std::string mixed_targets() const;

    /// The series of the revision's processes that are scraped more than once, at the window's end.
    [[nodiscard]] std::string scraped_twice() const;
    /// The same in each step of `step_s`.
    [[nodiscard]] std::string scraped_twice_by_step(double step_s) const;

    /// Series that each target of the revision must have.
    struct Needed {
        std::string metric{};
        std::string matchers{};
        std::size_t least = 1; ///< smallest number of series
        /// Only lanes that export their process id; older ones lack these series.
        bool by_young = false;
    };
    /// The series of the term that a lane has from its start.
    [[nodiscard]] static Needed all_of(const telemetry::Term& term);
    /// A number when every scrape of the turn routes in the window has the durations of whole
    /// turns. Lanes of earlier versions lack them, so with one of those in the window its turns
    /// would be missing.
    [[nodiscard]] std::string has_whole_turns() const;
    /// From now on, durations are those of whole turns, not of all requests.
    void take_whole_turns() { durations_ = &telemetry::metric("turn_duration_seconds"); }
    /// The histogram of the question's times, on each route.
    [[nodiscard]] Needed histograms() const;
    /// The revision's living targets that lack one of these series; the label `lacks` names the
    /// series.
    [[nodiscard]] std::string lacking(std::span<const Needed> needed) const;
    /// The term's series that one target has, by `label` and route.
    [[nodiscard]] std::string
    series_of(const telemetry::Term& term, std::string_view label, const Series& target) const;
    /// The revision's targets that restarted and had more than `failed` failed scrapes (the value),
    /// both within the window.
    [[nodiscard]] std::string began_again(double failed) const;

    /// The revision's targets that were lanes before the window and whose process lives on: the
    /// seconds at the window's start without a scrape.
    [[nodiscard]] std::string unseen_at_first(double step_s) const;

    /// Time of the newest scrape of any lane, at each step of the window.
    [[nodiscard]] std::string newest_scrapes(double step_s) const;
    /// The revision's targets whose process was scraped just before the hole and not after it.
    [[nodiscard]] std::string ended_within(Span hole, double stale_after_s) const;

    /// The revision's targets that restarted within `look_s`.
    [[nodiscard]] std::string restarted(double look_s) const;
    /// The restarted targets, and how they are queried.
    struct Restarts {
        /// Matcher of their instances; empty: all targets, because there are too many to list.
        std::string who{};
        double look_s = 0; ///< as in restarted()
        double step_s = 0; ///< step of the query
    };
    /// How many events of the term restarts may hide: a counter that reaches its former value
    /// before the next scrape does not appear to fall. At most the highest value of an earlier
    /// process, per restart.
    [[nodiscard]] std::string hidden(const telemetry::Term& term, const Restarts& seen) const;
    /// The same for times: the bucket that hides most, on each route.
    [[nodiscard]] std::string hidden_times(const Restarts& seen) const;
    /// Turns that ran at the last look at each process behind such a target. Excludes lanes with a
    /// store: other lanes take over their turns and count them.
    [[nodiscard]] std::string ran_last(const Restarts& seen) const;
    /// The running processes of these targets.
    [[nodiscard]] std::string processes_now(const Restarts& seen) const;

    /// The summed rise of a term's series.
    [[nodiscard]] std::string rise_of(const telemetry::Term& term, std::string_view by = {}) const;
    /// increase() of the term over each step of a range: precise enough to show clumps.
    [[nodiscard]] std::string by_step(const telemetry::Term& term, double step_s) const;
    /// Counts that the term's series already had at their first scrape in the window and that
    /// rise_of() could not date: they may be older than the window.
    [[nodiscard]] std::string had_at_first_sight(const telemetry::Term& term) const;
    /// False for longer windows: those use increase() only, which loses the first events.
    [[nodiscard]] bool sees_first_events() const noexcept;
    /// Buckets of the requested timing; `more` may restrict them.
    [[nodiscard]] std::string times(std::string_view by, std::string_view more = {}) const;

private:
    [[nodiscard]] std::string
    selector(std::string_view metric, const std::string& more, bool by_label) const;
    [[nodiscard]] std::string ours() const;
    [[nodiscard]] std::string ours(double window_s) const;
    /// For the series of a metric with these matchers.
    [[nodiscard]] FirstEvents first_events(std::string_view metric, const std::string& more) const;
    [[nodiscard]] std::string restarts(double look_s) const;
    /// For each target, whether a step's scrapes are of a process before its last one.
    [[nodiscard]] std::string earlier_ones(double step_s) const;
    [[nodiscard]] std::string hidden(const std::string& series, double step_s) const;
    [[nodiscard]] std::string users_only(std::string_view metric, const std::string& more) const;
    [[nodiscard]] std::string of_turns(std::string_view metric, const Restarts& seen) const;
    [[nodiscard]] std::string among_ours(const std::string& each) const;
    [[nodiscard]] std::string among_ours(const std::string& each, double window_s) const;
    [[nodiscard]] std::string where_ours(const std::string& each, double window_s) const;
    [[nodiscard]] std::string processes(std::string_view who = {}) const;
    [[nodiscard]] std::string
    sum_rise(std::string_view metric, const std::string& more, std::string_view by) const;

    const PrometheusOptions& options_;
    const Question& question_;
    bool by_label_; ///< the revision is a label of every series
    bool joined_; ///< …or only of build_info
    std::string window_;
    const telemetry::Metric* durations_ = &telemetry::metric("http_request_duration_seconds");
};

} // namespace oa_stream::measure::prometheus
