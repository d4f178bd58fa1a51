// What watch knows at one moment, wherever it came from, and what it makes of it.
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

/// The state of a process that answered before, and not lately.
inline constexpr std::string_view k_lost = "lost";

/// Increases over the window; nullopt: nobody says, which is not 0.
struct RouteNumbers {
    std::optional<double> requests{};
    std::optional<double> errors_5xx{};
    std::optional<double> accepted{};
    std::vector<measure::Bucket> first_content{}; ///< cumulative
};

/// An increase as a count. Increases need not be whole: Prometheus extrapolates.
[[nodiscard]] inline std::uint64_t whole(double value) {
    return value <= 0 ? 0 : static_cast<std::uint64_t>(std::llround(value));
}

struct WatchNumbers {
    double window_s = 0; ///< covered by the increases; 0: there are none yet
    std::map<std::string, RouteNumbers> routes{};
    std::map<std::string, double> terminals{}; ///< class → increase
    std::map<std::string, double> compat{};    ///< code → increase
    measure::TurnCounts turns{};  ///< in the window
    measure::TurnCounts budget{}; ///< in the budget's
    std::string budget_window{};  ///< "since its start", "30d"
    double budget_error = 0;      ///< of its bad ones, either way
    std::map<const telemetry::Metric*, std::optional<double>> watched{}; ///< increases
    std::optional<double> active{};
    /// What else is judged and some source does not report. A lane has all of it at 0 from its
    /// start.
    std::set<std::string> missing{};
    bool times_missing = false; ///< some of those of the first content are among `missing`
};

/// One instance, or all of one revision: its part of the numbers.
struct WatchPart {
    std::string name{}; ///< process id or target
    std::string revision{};
    std::string state{};
    std::string address{}; ///< it answers there; empty: only a Prometheus says
    measure::TurnCounts turns{};
    measure::TurnCounts budget{};
    std::vector<measure::Bucket> first_content{};
    double window_s = 0;
    bool times_missing = false; ///< of some routes: the others' prove nothing
    double scrapes = 0; ///< by a Prometheus, within the window; 0: nobody says
};

/// What one instance says, added to `to`; its budget when it has one.
void add_lane(WatchNumbers& to, const measure::LaneNumbers& lane);
/// One process behind several addresses, as a lane's own and its balancer's, counts once: by an
/// answer that it gave lately, where there is one.
[[nodiscard]] std::vector<measure::LanePart> each_once(std::vector<measure::LanePart> parts);
[[nodiscard]] WatchPart part_of(const measure::LanePart& part);
/// The parts of each revision together, in order of their names.
[[nodiscard]] std::vector<WatchPart> by_revision(const std::vector<WatchPart>& parts);

/// One address that is asked.
struct WatchSource {
    std::string name{};
    std::string state{}; ///< "ready", "not ready: draining", "unreachable: refused"
    bool reachable = false; ///< numbers came at the last try
    bool answered = false; ///< anything came at the last try
    bool ready = true; ///< means nothing while it is not reachable
    std::optional<double> age_s{}; ///< of the newest numbers; nullopt: there never were any
    std::string revision{};
    /// Why its numbers may not be those of all instances; empty: they are.
    std::string unsure{};
    std::vector<std::string> never_seen{}; ///< targets beside lanes that may be lanes: down
    bool refused = false; ///< it wants a token, or did not take ours, at the last try
};

struct WatchLimits {
    measure::Fraction objective = measure::usual::k_objective.number;
    double bad_at_most = 0.01; ///< share of requests, over the window
    double p95_at_most_s = measure::usual::k_first_content_s.number; ///< first content
    double stale_after_s = 15;
    /// Fewer requests must be surer, or prove nothing.
    double least = measure::usual::k_least_total.number;
    /// Fewer bad ones spend no budget, as in slo budget.
    double least_bad = measure::usual::k_least_bad.number;
};

/// Which limits are proven to be broken.
struct WatchBreaches {
    bool bad = false;    ///< share of bad requests
    bool slow = false;   ///< time to the first content
    bool budget = false; ///< error budget
};

enum class WatchState {
    ok,
    bad,         ///< a limit is broken, proven
    unready,     ///< a source takes no turns, or lacks what it needs for them
    stale,       ///< the numbers are old
    unreachable, ///< a source does not answer
    unreadable,  ///< a source answers, with no lane's numbers
    missing,     ///< a source does not report what is judged
    incomplete,  ///< an instance was not reached, or they cannot be distinguished
    quiet,       ///< no request in the window
    few,         ///< a limit is exceeded, by too few requests to prove it
    starting,    ///< one scrape: rates need two
};
[[nodiscard]] std::string_view to_string(WatchState state) noexcept; ///< "OK", "NO TRAFFIC"

struct WatchView {
    std::string at{}; ///< 2026-02-22T04:36:00.123Z
    WatchState state = WatchState::starting;
    std::vector<std::string> why{}; ///< what is wrong, worst first
    bool breach = false; ///< any of `broken`
    bool few = false; ///< a limit is exceeded, by too few requests to prove it
    WatchBreaches broken{};
    std::vector<WatchSource> sources{};
    std::vector<WatchPart> parts{}; ///< a lane's processes, or a Prometheus' targets
    std::vector<measure::ServiceFault> faults{}; ///< of what lanes need beside their turns
    std::vector<std::string> guilty{}; ///< revisions that are proven bad by themselves
    Advice next{}; ///< what to type when it is BAD
    WatchNumbers numbers{};
    std::string absent{}; ///< the revision that was asked for, when lanes answer and none has it
    /// Requests that start turns, in the window; bad is empty unless all its parts were reported.
    std::optional<double> bad{}, total{};
    std::optional<double> burn{}; ///< times the even rate
    std::optional<double> budget_left{}; ///< share
    double budget_off = 0; ///< it may be so much more or less: counts that are not exact
    bool budget_judged = false; ///< it has enough bad requests to be spent by them
    std::string split{}; ///< "stable 75%, canary 25%"; empty: nobody was asked
    std::vector<std::string> events{}; ///< newest last, "12:00:05 …"
    std::vector<std::string> news{}; ///< those of this look, without the time
    double every_s = 2;
    measure::Fraction objective = measure::usual::k_objective.number;
};

/// FAIL for a breach, PASS for OK, ERROR when nobody answered, else INCONCLUSIVE.
[[nodiscard]] Verdict verdict_of(const WatchView& view);

/// Judges what was read. `view.numbers`, `.sources`, `.at`, `.split` are given.
void judge(WatchView& view, const WatchLimits& limits);

/// Where the lane answers that exceeds the broken limit most; empty: nobody says.
[[nodiscard]] std::string worst_address(const WatchView& view, const WatchLimits& limits);

/// A percentile of the first content in words: "120ms", ">30s", "–".
[[nodiscard]] std::string
percentile_text(const std::vector<measure::Bucket>& buckets, measure::Fraction q);
/// Of all routes together.
[[nodiscard]] std::vector<measure::Bucket> all_first_content(const WatchNumbers& numbers);

/// {schema, at, state, why, sources, routes, …}; what is missing is null. Of the events only
/// `news`.
[[nodiscard]] Json to_json(const WatchView& view);
/// The same as the one document of a command.
[[nodiscard]] Json watch_document(const WatchView& view);

/// What happened between two looks, one line each, without the time.
[[nodiscard]] std::vector<std::string>
events_between(const WatchView& before, const WatchView& now);

} // namespace oa_stream::cli
