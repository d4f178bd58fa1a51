// Telemetry's terms in Prometheus' words. Private to the room.
#pragma once

#include "oa_stream/telemetry/metrics.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::prometheus {

/// "10m", "1h30m", "1s500ms": as Prometheus reads durations; at least 1ms.
[[nodiscard]] std::string duration_text(double seconds);
/// In double quotes, escaped.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// `a` and `b` with a comma between, when there are both.
[[nodiscard]] std::string joined(std::string a, std::string_view b);
/// route="/a", status=~"5..", class=~"x|y"
[[nodiscard]] std::string matcher(const telemetry::LabelIs& label);
/// The matcher of a histogram's bound, as the lane writes it: Prometheus 3 stores 30 as 30.0.
[[nodiscard]] std::string bound_matcher(std::string_view bound);
/// The matcher of these instances; empty: it would be too long, since a query travels in an
/// address.
[[nodiscard]] std::string of_instances(std::vector<std::string> instances);
/// The matcher that leaves the requests of probes out of a metric's series (`name` in full, with or
/// without _bucket or _count); empty where there is nothing to leave out.
[[nodiscard]] std::string whose(std::string_view name, bool include_probes);
/// The labels that a lane's series have of themselves, and those that name their target, by commas;
/// a target may have more. `name` as for whose().
[[nodiscard]] std::string own_labels(std::string_view name);
/// Those of a term: what goes between the braces, without the one of whose().
[[nodiscard]] std::string matchers(const telemetry::Term& term);

/// Targets behind which several processes answer in turn: the start time that they report falls,
/// which that of a process that was started again never does. `series` selects it.
[[nodiscard]] std::string mixed_targets(std::string_view series, std::string_view window);

/// Targets that are down and had no build_info in `window`, of jobs in which some had: instances
/// that nobody ever reached, or neighbours of another kind.
[[nodiscard]] std::string
never_seen(std::string_view up, std::string_view build, std::string_view window);

/// Longer windows are left to increase() alone: a tenth of the work, and what it fills in is
/// little.
inline constexpr double k_exact_up_to_s = 6 * 3600;
/// What a counter rose by. increase() fills in what lies between the window's ends and the scrapes
/// next to them, so it counts events that nobody saw; where that matters, the last value less the
/// first says what was seen. A counter that began again needs increase() all the same.
[[nodiscard]] std::string rise(const std::string& series, double window_s);

/// What says that a series is young: selectors, and when the window began (a number, or PromQL).
struct FirstEvents {
    /// Of oa_stream_build_info: a target that was scraped before has series without a past, too.
    /// Empty where only lanes are asked, which have theirs from the start: a series that is new
    /// beside an old process was renamed.
    std::string build{};
    std::string began{}; ///< of oa_stream_process_start_time_seconds
    std::string began_other{}; ///< of process_start_time_seconds: exporters that are not lanes
    std::string window{};
    std::string since{};
    /// The same series with whatever labels their targets have: a scrape configuration gains one, a
    /// replica of Prometheus comes. Empty where `build` is.
    std::string earlier{};
    std::string labels{}; ///< own_labels() of these series
};
/// Targets whose process was scraped within `k_known_s` before the window and lives on: how many
/// seconds of it they were not scraped at first, to a step. `build` as FirstEvents'.
[[nodiscard]] std::string
unseen_at_first(const std::string& build, const FirstEvents& how, double step_s);
/// Series that were not there before the window, whole in it, and that began at 0 in it. A counter
/// begins at 0, so such a series rose by its whole value: when its target was scraped before, or
/// when its process began in the window. One that was there with other labels of its target is not
/// new, unless its process is. increase() takes the value at the first scrape for the
/// beginning instead and loses what came before it.
[[nodiscard]] std::string young(const std::string& series, const FirstEvents& how);
/// What series that appeared in the window had already when they were first scraped, as far as
/// young() does not count it: it may be older than the window.
[[nodiscard]] std::string undated(const std::string& series, FirstEvents how);
/// increase() with what a new lane counted before its first scrape; over days without that: it is
/// little, and every scrape would be read four times. `began` selects
/// oa_stream_process_start_time_seconds; `window` is like "10m", "6h" or "3d".
[[nodiscard]] std::string
risen(const std::string& series, const std::string& began, std::string_view window);
inline constexpr std::string_view k_before_window = "5m"; ///< scrapes come more often
/// A target that was a lane so long ago and is down still is one (OaStreamTargetDown).
inline constexpr double k_known_s = 86'400;

/// The terms added up, each written by `one(term)`. An optional one that is absent is 0.
template <class Write> std::string sum_of(const std::vector<telemetry::Term>& terms, Write one) {
    std::string out;
    for (const telemetry::Term& term : terms) {
        const std::string text = one(term);
        if (term.optional) {
            out += "\n- (" + text + " or 0 * " + one(terms.front()) + ")";
        } else {
            out += (out.empty() ? "" : "\n+ ") + text;
        }
    }
    return out;
}

} // namespace oa_stream::measure::prometheus
