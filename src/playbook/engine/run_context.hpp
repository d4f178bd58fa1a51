// State shared by the parts of a run. Private to the room.
#pragma once

#include "oa_stream/measure/source.hpp"

#include "mover.hpp"
#include "run_plan.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class StepEnd { go_on, stop };

struct StageRun;

/// The users of a drill: unpinned probes from its first shift to its end.
struct UserWatch {
    double per_s = 0;
    std::vector<measure::Sample> seen{};
};

struct RunContext {
    explicit RunContext(RunInput input);
    RunContext(const RunContext&) = delete;
    RunContext& operator=(const RunContext&) = delete;
    ~RunContext() = default;

    [[nodiscard]] const Playbook& playbook() const noexcept { return in.plan->playbook; }
    [[nodiscard]] double now() const { return session.folder().seconds_since_start(); }
    [[nodiscard]] const std::vector<Check>& checks() const noexcept { return session.checks(); }
    [[nodiscard]] bool stop_requested() const noexcept { return is_requested(in.stop); }
    /// Something is being or was moved: from here on an immediate exit is not harmless.
    void mark_mutated() const noexcept {
        if (in.stop != nullptr) {
            in.stop->mark_mutated();
        }
    }
    /// How long to wait for something that does not answer and is queried once per `every`.
    [[nodiscard]] Millis patience(Millis every) const;
    /// False: mutations are only previewed.
    [[nodiscard]] bool changes_traffic() const noexcept { return in.mode == RunMode::live; }
    /// Adds a check that could not be made, with the reason.
    void skip(std::string id, bool required, std::string detail);
    /// A signal requested a stop: "signal 2 before shift@5%". Adds the check once.
    void add_interrupted(std::string_view where);
    /// Notifies the hooks; returns at once.
    void tell_hooks(HookEvent event, const std::string& what, const Json& fields = Json::object());
    /// Shown on the screen and once in the report.
    void warn(const std::string& text);
    void keep(const measure::Sample& sample, std::string_view where) const;
    [[nodiscard]] Mover
    mover(Millis limit, Json exact = nullptr, bool fenced = false, std::string never_raises = {});

    RunInput in;
    run::RunSession& session;
    Journal journal;
    RunOutcome out{};
    traffic::Split serving{}; ///< last confirmed split
    std::vector<traffic::Split> ours{}; ///< baseline and every split that we intended to write
    std::vector<measure::Sample> canary_all{};
    std::vector<measure::Sample> stable_all{};
    /// Stable's answers to unpinned probes, of all stages.
    std::vector<measure::Sample> stable_users{};
    std::optional<double> fault_s{};
    std::optional<double> seen_s{}; ///< when the first bad answer after it was seen
    std::optional<UserWatch> drill{}; ///< set while users are observed
    StageRun* current_stage = nullptr; ///< the current stage, which also needs the users' answers
    bool fence = false; ///< a write without a clear answer may still be under way
    /// The last write, when it was not seen completely.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    bool refused = false; ///< refused by drift or a precondition
    bool denied = false; ///< credentials were refused
    traffic::MachineryProcess machinery{}; ///< as of when our split was last seen
    std::optional<Clock::time_point> measured_since{}; ///< when the first stage began
    /// In the order of the lines of measure/readings.ndjson.
    std::vector<std::shared_ptr<const measure::DatedReading>> kept_readings{};
    bool source_failed = false; ///< a source could not be queried
    bool routes_unverified = false; ///< see LastStep
    bool routes_set = false; ///< set by a cutover: a rollback of its traffic undoes them
    bool drifted = false; ///< our split was replaced
    /// A conversation continued on the canary before this stage's bake.
    bool keeps_conversations = false;
    bool unattended = false; ///< a pause without trouble was not ended by anyone
    bool unjudged = false; ///< the last stage was promoted before its gates had decided
};

/// Carries out one step of the plan; a dry run reports whether it could be done.
[[nodiscard]] Task<StepEnd> carry_out(RunContext* run, const Step* step);
/// Sets the routes, after the last step. Returns whether that succeeded.
[[nodiscard]] Task<bool> carry_out_last(RunContext* run);
/// Undoes the routes, after the traffic.
[[nodiscard]] Task<void> undo_last(RunContext* run);

/// Runs one stage: planted faults, probes, looks, gates, split. Adds checks and a row.
[[nodiscard]] Task<StepEnd> run_stage(RunContext* run, int stage);

/// Before a stage's traffic is shifted: notifies the hooks, and waits for the required ones.
[[nodiscard]] Task<StepEnd> ask_hooks(RunContext* run, const Step* step);

/// Waits for the hooks that were `asked`, and meanwhile measures the split that the stage before
/// `step` set. Unset: the split is no longer good; its checks were added.
[[nodiscard]] Task<std::optional<std::vector<Check>>>
watch_while_asked(RunContext* run, const Step* step, Task<std::vector<Check>> asked);

/// If a pause was requested: waits here for the order to continue. Stop: no order came. `in_stage`:
/// the step belongs to a stage whose traffic was shifted, which is measured before waiting.
[[nodiscard]] Task<StepEnd> pause_before(RunContext* run, std::string step, bool in_stage = false);

/// Starts observing users.
[[nodiscard]] StepEnd begin_drill(RunContext& run);
/// The rollback of a drill: restores, waits until users are served well, and reports how long it
/// took.
[[nodiscard]] Task<StepEnd> roll_back_drill(RunContext* run, const Step* step);

/// Reports whether `step` could be done, without doing anything.
[[nodiscard]] Task<StepEnd> forecast_step(RunContext* run, const Step* step);

/// Checks that conversations continue on the other revision: from stable before anything moves,
/// both ways once the canary has traffic.
[[nodiscard]] Task<StepEnd> check_continuity(RunContext* run, const Step* step);
/// At a stage's end, if its conversation continued at its beginning: whether all of the run's
/// conversations are still complete. SKIPPED: a stop came first.
[[nodiscard]] Task<Verdict> check_kept(RunContext* run, std::string where);
/// After a `verified` rollback: checks that the conversations so far are complete at the users'
/// address.
[[nodiscard]] Task<void> check_conversations(RunContext* run, std::string step, bool verified);
/// Deletes the conversations that the run opened; a note names those that the target keeps.
[[nodiscard]] Task<void> remove_conversations(RunContext* run);

/// Judges the error budget that must be left before anything is shifted.
[[nodiscard]] Task<StepEnd> judge_budget(RunContext* run);

/// Judges the gates of the whole run.
[[nodiscard]] Task<StepEnd> judge_run(RunContext* run);

/// After the last step of a run that leaves its split: checks that it still serves, because the
/// steps after the last stage took minutes. False adds the check "traffic@end".
[[nodiscard]] Task<bool> still_serves(RunContext* run);

/// Restores the baseline and verifies it by read-back and over fresh connections.
[[nodiscard]] Task<report::RollbackFacts>
restore_baseline(RunContext* run, std::string step, std::string reason);

} // namespace oa_stream::playbook
