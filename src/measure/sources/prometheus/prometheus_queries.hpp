// What is asked, in Prometheus' words. Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include <string>
#include <string_view>

namespace oa_stream::measure::prometheus {

/// Longer windows are left to increase() alone: a tenth of the work, and what it fills in is
/// little.
inline constexpr double k_exact_up_to_s = 6 * 3600;

/// "10m", "1h30m", "1s500ms": as Prometheus reads durations; at least 1ms.
[[nodiscard]] std::string duration_text(double seconds);
/// In double quotes, escaped.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The queries of one question; every one looks back from the window's end.
class Queries {
public:
    /// Both outlive it.
    Queries(const PrometheusOptions& options, const Question& question);

    /// Raw samples of the revision's build_info, one series a target: when it was scraped.
    [[nodiscard]] std::string scrapes(double look_s) const;
    /// How many of them each step of `step_s` has: the target that has most.
    [[nodiscard]] std::string scraped_by_step(double step_s) const;
    /// `up` of every target that had the revision in the window.
    [[nodiscard]] std::string up() const;
    /// Its targets that carried other revisions too in the window, when only build_info tells them
    /// apart; empty when there is nothing to ask.
    [[nodiscard]] std::string shared_targets() const;

    [[nodiscard]] std::string requests() const;
    [[nodiscard]] std::string bad(BadEvent event) const;
    [[nodiscard]] std::string first_content() const; ///< buckets by le
    /// Turns that ended in a class in which time limits count, among others.
    [[nodiscard]] std::string maybe_late() const;

private:
    [[nodiscard]] std::string
    selector(std::string_view metric, const std::string& more, bool by_label) const;
    [[nodiscard]] std::string ours(double window_s) const;
    [[nodiscard]] std::string route() const;
    /// What a counter rose by. increase() fills in what lies between the window's ends and the
    /// scrapes next to them, so it counts events that nobody saw; where that matters, the last
    /// value less the first says what was seen. A counter that began anew needs increase() all the
    /// same.
    [[nodiscard]] std::string rise(const std::string& series) const;
    [[nodiscard]] std::string
    sum_rise(std::string_view metric, const std::string& more, std::string_view by) const;

    const PrometheusOptions& options_;
    const Question& question_;
    bool by_label_; ///< the revision is a label of every series
    bool joined_; ///< …or of build_info alone
    bool exact_;
    std::string window_;
};

} // namespace oa_stream::measure::prometheus
