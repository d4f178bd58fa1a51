// One stage under way. Private to the room.
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
    blind, ///< a source that decides does not answer
    resumed, ///< of a pause: somebody ordered to go on
    promoted, ///< somebody ordered to go to the next stage
    unattended, ///< a pause that was asked for, and nobody came
};

/// How the canary answered unpinned probes, as far as they show it: what is bad on the users' way
/// alone, which pinned ones do not take.
struct AnswersLook {
    Verdict verdict = Verdict::skipped; ///< SKIPPED: there is nothing to judge, or nothing decides
    Verdict seen = Verdict::skipped; ///< the same, whether it decides or not
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
    std::map<std::string, std::vector<measure::Sample>, std::less<>> met{}; ///< revision → unpinned
    std::uint64_t unanswered = 0; ///< unpinned probes that had no good answer and no revision's
    std::uint64_t ours = 0; ///< of them, starved on our side or never sent
    std::uint64_t unnamed = 0; ///< unpinned probes with a good answer that names no revision
    /// Unpinned probes that were given up without a word of who answers them, and by revision
    /// where that is known.
    std::uint64_t given_up = 0;
    std::map<std::string, std::uint64_t, std::less<>> given_up_at{};
    std::map<std::string, std::uint64_t, std::less<>> strays{}; ///< arm → answered by another
    std::map<std::string, std::uint64_t, std::less<>> delivered{}; ///< arm → samples of all kinds
    DriftLook drift{}; ///< the last look
    int drift_looks = 0;
    std::optional<Clock::time_point> unreadable_since{};
    std::optional<traffic::TrafficState> first_seen{}; ///< by the first look
    std::uint64_t others_before = 0; ///< OtherRequests that were over before it
    bool users_came = true;
    std::string users_text{}; ///< how many, or why that is not known
    std::string no_probes{}; ///< why none could be started
    Clock::time_point begun = Clock::now(); ///< the split was read back
    Clock::time_point measured_from = begun; ///< sources are asked from here
    SourceAnswers sources{};
    Clock::time_point until{}; ///< when the window or the pause ends at the latest
    bool extended = false; ///< or it cannot be any more
    std::size_t canary_from = 0; ///< of the row's samples: those before it decide nothing any more
    std::size_t stable_from = 0;
    bool paused = false;
    bool judged_before_pause = false; ///< the row's gates were looked at, and then the stage paused
    std::optional<run::Order> promotion{};

    /// Unpinned probes that may have been any revision's.
    [[nodiscard]] std::uint64_t unknown() const noexcept { return unanswered + unnamed; }
    /// Of the measurement that decides.
    [[nodiscard]] double elapsed_s() const { return seconds(Clock::now() - measured_from); }
    [[nodiscard]] std::span<const measure::Sample> canary() const {
        return std::span(row.canary).subspan(canary_from);
    }
    [[nodiscard]] std::span<const measure::Sample> stable() const {
        return std::span(row.stable).subspan(stable_from);
    }
    void add_sample(measure::Sample sample);
    /// Leaves a check of the stage that no gate makes: nothing makes the row better. Of a promoted
    /// stage one that is not decided is skipped, as its gates are.
    void add_check(
        std::string_view what, Verdict verdict, std::string detail, Json data = Json::object()
    );
};

/// Takes an order that ends the waiting: of a pause any, else only the one to promote.
[[nodiscard]] std::optional<WindowEnd> ordered(StageRun& stage);
/// Waits until `until`, with probes that flow already: for a breach, a lost split, a silent source,
/// a signal, and an order.
[[nodiscard]] Task<WindowEnd>
watch_all(StageRun* stage, Clock::time_point until, measure::Look look);
/// The same with probes of its own, and at its end the gates' judgement.
[[nodiscard]] Task<WindowEnd> window(StageRun* stage, Millis length, measure::Look look);
/// Probes at the stage's rates. False: none could be started, as `stage` says.
[[nodiscard]] Task<bool> start_probes(StageRun* stage);
/// For a live display.
void show(const StageRun& stage);

/// Pauses the stage where the playbook or an operator wants it, for as long as that takes, and
/// measures it once more where the decision to go on has to be made again.
[[nodiscard]] Task<WindowEnd> steer(StageRun* stage, WindowEnd end);
/// What was seen becomes checks and the row's verdict.
void record_end(StageRun& stage, WindowEnd end);
/// Leaves the checks of a stage that was promoted: gates that had not decided are skipped.
void record_promotion(StageRun& stage);
/// Leaves the check of a pause to which nobody came.
void record_unattended(StageRun& stage);

/// The samples so far that decide, as a gate is to see them.
[[nodiscard]] measure::GateInput input_of(const StageRun& stage, const measure::Look& look);
/// Which of them: a gate judged by a source adds what the source reported.
[[nodiscard]] measure::GateBasis basis_of(const StageRun& stage);

/// A look's record goes to measure/gates.ndjson, whatever becomes of it.
void keep_look(const StageRun& stage, const measure::GateRecord& record);

/// Every gate of the stage on the samples and the sources' answers so far.
[[nodiscard]] std::vector<measure::GateRecord>
look_at(const StageRun& stage, const measure::Look& look);

/// A gate of the row decides.
[[nodiscard]] bool judged(const StageRun& stage);
/// A gate that decides has this verdict.
[[nodiscard]] bool any(const std::vector<measure::GateRecord>& records, Verdict verdict);

/// Records the gates of the row as checks and evidence; sets the row's verdict.
void record_gates(StageRun& stage);
/// Records one: in gates.ndjson, on the screen and as the check that `change` made of it.
void record_gate(
    const StageRun& stage,
    const measure::GateRecord& record,
    const std::function<void(Check&)>& change
);

/// Did unpinned probes meet the canary as often as the split says? And did pinned ones meet the one
/// they were meant for? What errors cannot show: an edge that answers for a dead canary.
void check_split(StageRun& stage);

/// On the samples so far.
[[nodiscard]] AnswersLook look_at_answers(const StageRun& stage);
/// Looks once more and leaves the check of it.
void check_answers(StageRun& stage);
/// At the last look a gate that decides, or what users' own probes met, came out so.
[[nodiscard]] bool came_out(const StageRun& stage, Verdict verdict);

/// With on_no_traffic: hold, a stage is only judged when users came, too: looks whether they did.
void check_users(StageRun& stage);
/// Leaves the check of it.
void record_users(StageRun& stage);

/// The stage that a drill makes fail.
[[nodiscard]] bool is_drilled(const StageRun& stage);
/// True: this is that stage, and it failed as planned. `judged`: it was held to a verdict.
[[nodiscard]] bool record_drill(StageRun& stage, bool judged);
/// The check of that, which record_drill() left; null: the drill did not get so far.
[[nodiscard]] const Check* drill_failure(const std::vector<Check>& checks);

} // namespace oa_stream::playbook
