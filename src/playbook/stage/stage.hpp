// A stage under way. Private to the room.
#pragma once

#include "engine/drift.hpp"
#include "engine/run_context.hpp"
#include "stage_sources.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class WindowEnd {
    over,
    early_fail,
    interrupted,
    broken,
    lost, ///< the split is no longer ours
    blind, ///< a deciding source does not answer
    resumed, ///< a pause was ended by an order to continue
    promoted, ///< ordered to continue with the next stage
    unattended, ///< nobody ended a requested pause in time
};

/// The canary's answers to unpinned probes: shows faults on the users' path, which pinned probes do
/// not use.
struct AnswersLook {
    Verdict verdict = Verdict::skipped; ///< SKIPPED: there is nothing to judge, or nothing decides
    Verdict seen = Verdict::skipped; ///< the same, whether or not it decides
    std::string text{};
    Json numbers = Json::object();
};

struct StageRun {
    RunContext& run;
    int index;
    int percent;
    std::string where;
    report::StageRow row{};
    AnswersLook answers{}; ///< the last one, made together with the row's look at the gates
    /// Revision → answers to unpinned probes.
    std::map<std::string, std::vector<measure::Sample>, std::less<>> met{};
    std::uint64_t unanswered = 0; ///< unpinned probes with neither a good answer nor a revision
    std::uint64_t ours = 0; ///< of these, starved on our side or never sent
    std::uint64_t unnamed = 0; ///< unpinned probes with a good answer that names no revision
    /// Unpinned probes that were cancelled before their revision was known, and by revision where
    /// it was.
    std::uint64_t given_up = 0;
    std::map<std::string, std::uint64_t, std::less<>> given_up_at{};
    /// Arm → probes answered by another revision.
    std::map<std::string, std::uint64_t, std::less<>> strays{};
    std::map<std::string, std::uint64_t, std::less<>> delivered{}; ///< arm → samples of all kinds
    DriftLook drift{}; ///< the last read
    int drift_looks = 0;
    std::optional<Clock::time_point> unreadable_since{};
    std::optional<traffic::TrafficState> first_seen{}; ///< state at the first read
    std::uint64_t others_before = 0; ///< OtherRequests that had completed before the stage
    bool users_came = true;
    std::string users_text{}; ///< number of users, or why it is unknown
    std::string no_probes{}; ///< why no probes could be started
    Clock::time_point begun = Clock::now(); ///< when the split was read back
    Clock::time_point measured_from = begun; ///< sources are queried from here on
    SourceAnswers sources{};
    Clock::time_point until{}; ///< latest end of the window or the pause
    bool extended = false; ///< extended already, or no longer extendable
    std::size_t canary_from = 0; ///< samples of the row before this index no longer count
    std::size_t stable_from = 0;
    bool paused = false;
    bool judged_before_pause = false; ///< the gates were judged before the stage paused
    std::optional<run::Order> promotion{};

    /// Unpinned probes that may have reached any revision.
    [[nodiscard]] std::uint64_t unknown() const noexcept { return unanswered + unnamed; }
    /// Duration of the measurement that decides.
    [[nodiscard]] double elapsed_s() const { return seconds(Clock::now() - measured_from); }
    [[nodiscard]] std::span<const measure::Sample> canary() const {
        return std::span(row.canary).subspan(canary_from);
    }
    [[nodiscard]] std::span<const measure::Sample> stable() const {
        return std::span(row.stable).subspan(stable_from);
    }
    void add_sample(measure::Sample sample);
    /// Adds a check of the stage that is not a gate's; it can only worsen the row's verdict. In a
    /// promoted stage an undecided check is skipped, like its gates.
    void add_check(
        std::string_view what, Verdict verdict, std::string detail, Json data = Json::object()
    );
};

/// Accepts an order that ends the waiting: during a pause any order, otherwise only a promotion.
[[nodiscard]] std::optional<WindowEnd> ordered(StageRun& stage);
/// Waits until `until` while probes already run; ends early on a breach, a lost split, a silent
/// source, a signal, or an order.
[[nodiscard]] Task<WindowEnd>
watch_all(StageRun* stage, Clock::time_point until, measure::Look look);
/// The same, starting probes itself and judging the gates at the end.
[[nodiscard]] Task<WindowEnd> window(StageRun* stage, Millis length, measure::Look look);
/// Starts probes at the stage's rates. False: none could be started; `stage` has the reason.
[[nodiscard]] Task<bool> start_probes(StageRun* stage);
/// Updates a live display.
void show(const StageRun& stage);

/// Pauses the stage when the playbook or an operator requires it, for as long as that lasts, and
/// measures it again when the decision to continue must be repeated.
[[nodiscard]] Task<WindowEnd> steer(StageRun* stage, WindowEnd end);
/// Turns the observations into checks and the row's verdict.
void record_end(StageRun& stage, WindowEnd end);
/// Adds the checks of a promoted stage: undecided gates are skipped.
void record_promotion(StageRun& stage);
/// Adds the check of a pause that nobody ended.
void record_unattended(StageRun& stage);

/// The samples so far that count, in the form that gates need.
[[nodiscard]] measure::GateInput input_of(const StageRun& stage, const measure::Look& look);
/// The basis for a gate; one judged by a source adds the source's readings.
[[nodiscard]] measure::GateBasis basis_of(const StageRun& stage);

/// Writes a look's record to measure/gates.ndjson, whatever its result.
void keep_look(const StageRun& stage, const measure::GateRecord& record);

/// Evaluates every gate of the stage on the samples and the sources' answers so far.
[[nodiscard]] std::vector<measure::GateRecord>
look_at(const StageRun& stage, const measure::Look& look);

/// Whether a gate of the row decides.
[[nodiscard]] bool judged(const StageRun& stage);
/// Whether a deciding gate has this verdict.
[[nodiscard]] bool any(const std::vector<measure::GateRecord>& records, Verdict verdict);

/// Records the gates of the row as checks and evidence; sets the row's verdict.
void record_gates(StageRun& stage);
/// Records one gate: in gates.ndjson, on the screen and as a check that `change` may modify.
void record_gate(
    const StageRun& stage,
    const measure::GateRecord& record,
    const std::function<void(Check&)>& change
);

/// Checks that unpinned probes reached the canary as often as the split says, and that pinned ones
/// reached their revision. This finds what errors cannot show: an edge that answers for a dead
/// canary.
void check_split(StageRun& stage);

/// Judges the samples so far.
[[nodiscard]] AnswersLook look_at_answers(const StageRun& stage);
/// Looks once more and adds the check.
void check_answers(StageRun& stage);
/// Whether, at the last look, a deciding gate or the unpinned probes had this verdict.
[[nodiscard]] bool came_out(const StageRun& stage, Verdict verdict);

/// With on_no_traffic: hold, a stage is only judged when users came: checks that they did.
void check_users(StageRun& stage);
/// Adds the check for it.
void record_users(StageRun& stage);

/// The stage that a drill makes fail.
[[nodiscard]] bool is_drilled(const StageRun& stage);
/// True: this is that stage, and it failed as planned. `judged`: its verdict was required.
[[nodiscard]] bool record_drill(StageRun& stage, bool judged);
/// The check that record_drill() added; null: the drill did not get that far.
[[nodiscard]] const Check* drill_failure(const std::vector<Check>& checks);

} // namespace oa_stream::playbook
