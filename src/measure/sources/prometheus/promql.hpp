// Writes telemetry's terms as PromQL. Private to the room.
#pragma once

#include "oa_stream/telemetry/metrics.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::prometheus {

/// "10m", "1h30m", "1s500ms": in Prometheus' duration syntax; at least 1ms.
[[nodiscard]] std::string duration_text(double seconds);
/// In double quotes, escaped.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// `a` and `b` with a comma between, when both are not empty.
[[nodiscard]] std::string joined(std::string a, std::string_view b);
/// route="/a", status=~"5..", class=~"x|y"
[[nodiscard]] std::string matcher(const telemetry::LabelIs& label);
/// The matcher of a histogram's bound, as the lane writes it: Prometheus 3 stores 30 as 30.0.
[[nodiscard]] std::string bound_matcher(std::string_view bound);
/// A matcher of these instances; empty: it would be too long, since a query is sent in a URL.
[[nodiscard]] std::string of_instances(std::vector<std::string> instances);
/// The matcher that excludes the requests of probes from a metric's series (`name` in full, with or
/// without _bucket or _count); empty where none is needed.
[[nodiscard]] std::string whose(std::string_view name, bool include_probes);
/// The labels that a lane sets on its series and those that name the target, separated by commas; a
/// target may have more. `name` as for whose().
[[nodiscard]] std::string own_labels(std::string_view name);
/// The matchers of a term: what goes between the braces, without that of whose().
[[nodiscard]] std::string matchers(const telemetry::Term& term);

/// Targets behind which several processes answer in turn: the reported start time falls, which it
/// never does when a single process restarts. `series` selects the start time.
[[nodiscard]] std::string mixed_targets(std::string_view series, std::string_view window);

/// Targets that are down and had no build_info in `window`, of jobs in which some had: instances
/// that were never reached, or other services in the job.
[[nodiscard]] std::string
never_seen(std::string_view up, std::string_view build, std::string_view window);

/// Longer windows only use increase(): a tenth of the work, and its extrapolation is small there.
inline constexpr double k_exact_up_to_s = 6 * 3600;
/// A counter's rise. increase() extrapolates to the window's ends from the scrapes next to them, so
/// it counts events that were not seen. Up to k_exact_up_to_s, the last value minus the first gives
/// what was seen. A counter that was reset needs increase() all the same.
[[nodiscard]] std::string rise(const std::string& series, double window_s);

/// Defines when a series is young: selectors, and when the window began (a number, or PromQL).
struct FirstEvents {
    /// Selects oa_stream_build_info: a target that was scraped before also has series without a
    /// past. Empty where only lanes are queried: those have their series from the start, so a
    /// series that is new beside an old process was renamed.
    std::string build{};
    std::string began{}; ///< of oa_stream_process_start_time_seconds
    std::string began_other{}; ///< of process_start_time_seconds, for exporters that are not lanes
    std::string window{};
    std::string since{};
    /// The same series under any target labels: a scrape configuration may gain a label, or a
    /// replica of Prometheus may be added. Empty where `build` is.
    std::string earlier{};
    std::string labels{}; ///< own_labels() of these series
};
/// Targets whose process was scraped within `k_known_s` before the window and lives on: the seconds
/// at the window's start without a scrape, to a step's precision. `build` as in FirstEvents.
[[nodiscard]] std::string
unseen_at_first(const std::string& build, const FirstEvents& how, double step_s);
/// The full value of series that did not exist before the window and began at 0 in it. A counter
/// begins at 0, so such a series rose by its whole value: its target was scraped before, or its
/// process began in the window. A series that existed under other target labels is not new, unless
/// its process is. increase() would take the value at the first scrape as the beginning and lose
/// what came before it.
[[nodiscard]] std::string young(const std::string& series, const FirstEvents& how);
/// Counts that series appearing in the window had at their first scrape, as far as young() does not
/// include them: they may be older than the window.
[[nodiscard]] std::string undated(const std::string& series, FirstEvents how);
/// increase() including what a new lane counted before its first scrape. Windows of days leave that
/// out: it is small, and every scrape would be read four times. `began` selects
/// oa_stream_process_start_time_seconds; `window` is like "10m", "6h" or "3d".
[[nodiscard]] std::string
risen(const std::string& series, const std::string& began, std::string_view window);
inline constexpr std::string_view k_before_window = "5m"; ///< scrape intervals are shorter
/// A target that was a lane within this time and is still down counts as one (OaStreamTargetDown).
inline constexpr double k_known_s = 86'400;

/// The sum of the terms, each written by `one(term)`. An optional term that is absent counts as 0.
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
