// The state that watch has at one moment, from any source, and its judgement.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/measure/service_signals.hpp"
#include "oa_stream/measure/usual.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

/// The state of a process that answered before, but not recently.
inline constexpr std::string_view k_lost = "lost";

/// Increases over the window; nullopt: not reported, which is not 0.
struct RouteNumbers {
    std::optional<double> requests{};
    std::optional<double> errors_5xx{};
    std::optional<double> accepted{};
    std::vector<measure::Bucket> first_content{}; ///< cumulative
};

/// An increase as a count. Increases may be fractional, because Prometheus extrapolates.
[[nodiscard]] inline std::uint64_t whole(double value) {
    return value <= 0 ? 0 : static_cast<std::uint64_t>(std::llround(value));
}

struct WatchNumbers {
    double window_s = 0; ///< seconds covered by the increases; 0: there are none yet
    std::map<std::string, RouteNumbers> routes{};
    std::map<std::string, double> terminals{}; ///< class → increase
    std::map<std::string, double> compat{};    ///< code → increase
    measure::TurnCounts turns{};  ///< in the window
    measure::TurnCounts budget{}; ///< in the budget's window
    std::string budget_window{};  ///< "since its start", "30d"
    double budget_error = 0; ///< of its bad requests, in either direction
    std::map<const telemetry::Metric*, std::optional<double>> watched{}; ///< increases
    std::optional<double> active{};
    /// Other judged numbers that some source does not report. A lane has all of them at 0 from its
    /// start.
    std::set<std::string> missing{};
    bool times_missing = false; ///< some first-content times are among `missing`
};

/// The numbers of one instance, or of one revision together.
struct WatchPart {
    std::string name{}; ///< process id or target
    std::string revision{};
    std::string state{};
    std::string address{}; ///< address where it answers; empty: only known from Prometheus
    measure::TurnCounts turns{};
    measure::TurnCounts budget{};
    std::vector<measure::Bucket> first_content{};
    double window_s = 0;
    bool times_missing = false; ///< of some routes: those of the others prove nothing
    double scrapes = 0; ///< by Prometheus, within the window; 0: not known
};

/// Adds one instance's numbers to `to`, including its budget if it has one.
void add_lane(WatchNumbers& to, const measure::LaneNumbers& lane);
/// Counts a process behind several addresses, like a lane's own and its balancer's, only once: by a
/// recent answer if there is one.
[[nodiscard]] std::vector<measure::LanePart> each_once(std::vector<measure::LanePart> parts);
[[nodiscard]] WatchPart part_of(const measure::LanePart& part);
/// The parts of each revision combined, ordered by name.
[[nodiscard]] std::vector<WatchPart> by_revision(const std::vector<WatchPart>& parts);

/// One address that is queried.
struct WatchSource {
    std::string name{};
    std::string state{}; ///< "ready", "not ready: draining", "unreachable: refused"
    bool reachable = false; ///< the last attempt returned numbers
    bool answered = false; ///< the last attempt returned anything
    bool ready = true; ///< meaningless while it is not reachable
    std::optional<double> age_s{}; ///< age of the newest numbers; nullopt: there were none
    std::string revision{};
    /// Why its numbers may not be those of all instances; empty: they are.
    std::string unsure{};
    /// Targets that are down and may be lanes, of jobs that have lanes.
    std::vector<std::string> never_seen{};
    bool refused = false; ///< it requires a token, or refused ours, at the last attempt
};

struct WatchLimits {
    measure::Fraction objective = measure::usual::k_objective.number;
    double bad_at_most = 0.01; ///< share of requests, over the window
    double p95_at_most_s = measure::usual::k_first_content_s.number; ///< first content
    double stale_after_s = 15;
    /// Fewer requests need a higher confidence, or prove nothing.
    double least = measure::usual::k_least_total.number;
    /// With fewer bad requests the budget does not count as spent, as in slo budget.
    double least_bad = measure::usual::k_least_bad.number;
};

/// Limits that are proven to be broken.
struct WatchBreaches {
    bool bad = false; ///< share of bad requests
    bool slow = false; ///< time to the first content
    bool budget = false; ///< error budget
};

enum class WatchState {
    ok,
    bad, ///< a limit is proven to be broken
    unready, ///< a source accepts no turns, or lacks a service that it needs
    stale, ///< the numbers are old
    unreachable, ///< a source does not answer
    unreadable, ///< a source answers, but without a lane's numbers
    missing, ///< a source does not report a judged number
    incomplete, ///< an instance was not reached, or instances cannot be distinguished
    quiet, ///< no request in the window
    few, ///< a limit is exceeded, by too few requests to prove it
    starting, ///< one scrape: rates need two
};
[[nodiscard]] std::string_view to_string(WatchState state) noexcept; ///< "OK", "NO TRAFFIC"

struct WatchView {
    std::string at{}; ///< 2026-02-22T04:36:00.123Z
    WatchState state = WatchState::starting;
    std::vector<std::string> why{}; ///< problems, worst first
    bool breach = false; ///< any of `broken`
    bool few = false; ///< a limit is exceeded, by too few requests to prove it
    WatchBreaches broken{};
    std::vector<WatchSource> sources{};
    std::vector<WatchPart> parts{}; ///< a lane's processes, or the targets of a Prometheus
    std::vector<measure::ServiceFault> faults{}; ///< of services that lanes depend on
    std::vector<std::string> guilty{}; ///< revisions that are proven bad by themselves
    Advice next{}; ///< the command to run when the state is BAD
    WatchNumbers numbers{};
    std::string absent{}; ///< the requested revision, when lanes answer and none has it
    /// Requests that start turns, in the window; bad is unset unless all its parts were reported.
    std::optional<double> bad{}, total{};
    std::optional<double> burn{}; ///< times the even rate
    std::optional<double> budget_left{}; ///< share
    double budget_off = 0; ///< possible error in either direction, from inexact counts
    bool budget_judged = false; ///< it has enough bad requests to be spent by them
    std::string split{}; ///< "stable 75%, canary 25%"; empty: not queried
    std::vector<std::string> events{}; ///< newest last, "12:00:05 …"
    std::vector<std::string> news{}; ///< events of this look, without the time
    double every_s = 2;
    measure::Fraction objective = measure::usual::k_objective.number;
};

/// FAIL for a breach, PASS for OK, ERROR when no source answered, otherwise INCONCLUSIVE.
[[nodiscard]] Verdict verdict_of(const WatchView& view);

/// Judges the numbers. Requires `view.numbers`, `.sources`, `.at` and `.split`.
void judge(WatchView& view, const WatchLimits& limits);

/// Address of the lane that exceeds the broken limit most; empty: unknown.
[[nodiscard]] std::string worst_address(const WatchView& view, const WatchLimits& limits);

/// A percentile of the first content as text: "120ms", ">30s", "–".
[[nodiscard]] std::string
percentile_text(const std::vector<measure::Bucket>& buckets, measure::Fraction q);
/// For all routes together.
[[nodiscard]] std::vector<measure::Bucket> all_first_content(const WatchNumbers& numbers);

/// {schema, at, state, why, sources, routes, …}; missing numbers are null. Of the events only
/// `news`.
[[nodiscard]] Json to_json(const WatchView& view);
/// The same as the one document of a command.
[[nodiscard]] Json watch_document(const WatchView& view);

/// The changes between two looks, one line each, without the time.
[[nodiscard]] std::vector<std::string>
events_between(const WatchView& before, const WatchView& now);

} // namespace oa_stream::cli
