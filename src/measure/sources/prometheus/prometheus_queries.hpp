// What is asked, in Prometheus' words. Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include "promql.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::measure::prometheus {

inline constexpr std::string_view k_by_target = " by (job, instance)"; ///< of a sum

/// The queries of one question; every one looks back from the window's end.
class Queries {
public:
    /// Both outlive it.
    Queries(const PrometheusOptions& options, const Question& question);

    /// Raw samples of the revision's build_info, one series a target: when it was scraped.
    [[nodiscard]] std::string scrapes(double look_s) const;
    /// How many of them each target has in the window.
    [[nodiscard]] std::string scrapes_of_each() const;
    /// How many of them each step of `step_s` has: the target that has most.
    [[nodiscard]] std::string scraped_by_step(double step_s) const;
    /// `up` of every target that had the revision in the window.
    [[nodiscard]] std::string up() const;
    /// Targets that are down and were not lanes within a day, of jobs that have lanes of ours.
    [[nodiscard]] std::string never_seen() const;
    /// Its targets that carried other revisions too in the window, when only build_info tells them
    /// apart; empty when there is nothing to ask.
    [[nodiscard]] std::string shared_targets() const;

    /// Its targets behind which several processes answer in turn.
    [[nodiscard]] std::string mixed_targets() const;

    /// The series of its processes that are scraped more than once, at the window's end.
    [[nodiscard]] std::string scraped_twice() const;
    /// The same in each step of `step_s`.
    [[nodiscard]] std::string scraped_twice_by_step(double step_s) const;

    /// Series that each target of ours must have.
    struct Needed {
        std::string metric{};
        std::string matchers{};
        std::size_t least = 1; ///< so many
        bool by_young = false; ///< lanes that say which process they are; older ones lack it
    };
    /// Those of the term that a lane has from its start.
    [[nodiscard]] static Needed all_of(const telemetry::Term& term);
    /// Whether all scrapes in the window of a lane's turn routes have the durations of whole turns:
    /// a number when they do. Lanes of an earlier version have none; with one of them in the window
    /// its turns would be missing.
    [[nodiscard]] std::string has_whole_turns() const;
    /// From here on a question's durations are those of whole turns, not of all requests.
    void take_whole_turns() { durations_ = &telemetry::metric("turn_duration_seconds"); }
    /// The question's times: a histogram on each route.
    [[nodiscard]] Needed histograms() const;
    /// Its living targets that lack one of these series, with the label `lacks` that names it.
    [[nodiscard]] std::string lacking(std::span<const Needed> needed) const;
    /// Which of the term's series one target has, by `label` and route.
    [[nodiscard]] std::string
    series_of(const telemetry::Term& term, std::string_view label, const Series& target) const;
    /// Its targets of which more than so many scrapes failed (the value) and that began again, both
    /// within the window.
    [[nodiscard]] std::string began_again(double failed) const;

    /// Its targets that were lanes before the window and whose process lives on: how many seconds
    /// of it they were not scraped at first.
    [[nodiscard]] std::string unseen_at_first(double step_s) const;

    /// When the newest scrape of any lane was, at each step of the window.
    [[nodiscard]] std::string newest_scrapes(double step_s) const;
    /// Its targets whose process was scraped just before the hole and not after it.
    [[nodiscard]] std::string ended_within(Span hole, double stale_after_s) const;

    /// Its targets whose process began again within `look_s`.
    [[nodiscard]] std::string restarted(double look_s) const;
    /// Those targets, as they are looked at.
    struct Restarts {
        std::string who{}; ///< matcher of their instances; empty: all, since they are many
        double look_s = 0; ///< as restarted()'s
        double step_s = 0; ///< between two looks
    };
    /// What restarts may hide of the term: a counter that reached its former value before it was
    /// scraped again did not fall for anybody to see. No more than its highest value in an earlier
    /// process each time.
    [[nodiscard]] std::string hidden(const telemetry::Term& term, const Restarts& seen) const;
    /// The same of the times: the bucket that hides most, on each route.
    [[nodiscard]] std::string hidden_times(const Restarts& seen) const;
    /// Turns that ran at the last look at each process behind such a target. Not of lanes with a
    /// store: others take their turns over, and count them.
    [[nodiscard]] std::string ran_last(const Restarts& seen) const;
    /// The processes that such targets have now.
    [[nodiscard]] std::string processes_now(const Restarts& seen) const;

    /// What the series of a term rose by, summed.
    [[nodiscard]] std::string rise_of(const telemetry::Term& term, std::string_view by = {}) const;
    /// increase() of the term over each step of a range: good enough to see clumps by.
    [[nodiscard]] std::string by_step(const telemetry::Term& term, double step_s) const;
    /// What the term's series that appeared in the window had already when they were first scraped,
    /// as far as rise_of() could not count it: it may be older than the window.
    [[nodiscard]] std::string had_at_first_sight(const telemetry::Term& term) const;
    /// Longer windows are left to increase() alone, which loses them.
    [[nodiscard]] bool sees_first_events() const noexcept;
    /// Buckets of the timing asked for; `more` may choose some.
    [[nodiscard]] std::string times(std::string_view by, std::string_view more = {}) const;

private:
    [[nodiscard]] std::string
    selector(std::string_view metric, const std::string& more, bool by_label) const;
    [[nodiscard]] std::string ours() const;
    [[nodiscard]] std::string ours(double window_s) const;
    /// Of the series of a metric with these matchers.
    [[nodiscard]] FirstEvents first_events(std::string_view metric, const std::string& more) const;
    [[nodiscard]] std::string restarts(double look_s) const;
    /// Says of each target whether a step's scrapes are of a process before its last one.
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
    bool joined_; ///< …or of build_info alone
    std::string window_;
    const telemetry::Metric* durations_ = &telemetry::metric("http_request_duration_seconds");
};

} // namespace oa_stream::measure::prometheus
