// What the parts of a run share. Private to the room.
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

/// The users of a drill: unpinned probes from its first shift until its end.
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
    /// Something is or was moved: from here on leaving at once is not harmless.
    void mark_mutated() const noexcept {
        if (in.stop != nullptr) {
            in.stop->mark_mutated();
        }
    }
    /// How long what does not answer is waited for, when it is asked once in `every`.
    [[nodiscard]] Millis patience(Millis every) const;
    /// False: mutations are only previewed.
    [[nodiscard]] bool changes_traffic() const noexcept { return in.mode == RunMode::live; }
    /// A check that could not be made, and why.
    void skip(std::string id, bool required, std::string detail);
    /// A signal asked the run to stop: "signal 2 before shift@5%".
    void add_interrupted(std::string_view where);
    /// Tells those who want to know; returns at once.
    void tell_hooks(HookEvent event, const std::string& what, const Json& fields = Json::object());
    /// On the screen and in the report, once.
    void warn(const std::string& text);
    void keep(const measure::Sample& sample, std::string_view where) const;
    [[nodiscard]] Mover
    mover(Millis limit, Json exact = nullptr, bool fenced = false, std::string never_raises = {});

    RunInput in;
    run::RunSession& session;
    Journal journal;
    RunOutcome out{};
    traffic::Split serving{};           ///< last confirmed
    std::vector<traffic::Split> ours{}; ///< baseline and every split we set out to write
    std::vector<measure::Sample> canary_all{};
    std::vector<measure::Sample> stable_all{};
    std::vector<measure::Sample> stable_users{}; ///< its answers to unpinned probes, of all stages
    std::optional<double> fault_s{};
    std::optional<double> seen_s{}; ///< the first bad answer after it
    std::optional<UserWatch> drill{}; ///< set while users are watched
    StageRun* current_stage = nullptr; ///< the stage under way, which wants the users' answers, too
    bool fence = false; ///< a write that got no clear answer may still be under way
    /// The last write, when it was not seen whole.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    bool refused = false; ///< drift or a precondition
    bool denied = false; ///< credentials were refused
    traffic::MachineryProcess machinery{}; ///< when our split was last seen
    std::optional<Clock::time_point> measured_since{}; ///< when the first stage began
    /// As they stand in measure/readings.ndjson, line by line.
    std::vector<std::shared_ptr<const measure::DatedReading>> kept_readings{};
    bool source_failed = false; ///< what is measured with could not be asked
    bool routes_unverified = false; ///< see LastStep
    bool routes_set = false; ///< by a cutover: a rollback of its traffic undoes them
    bool drifted = false; ///< somebody or something took our split away
    bool keeps_conversations = false; ///< one went on on the canary before this stage's bake
    bool unattended = false; ///< nobody ended a pause that no trouble had caused
    bool unjudged = false; ///< the last stage was promoted before its gates had decided
};

/// Does one step of the plan; a dry run says whether it could be done.
[[nodiscard]] Task<StepEnd> carry_out(RunContext* run, const Step* step);
/// Sets the routes, after the last step. Whether it went well, too.
[[nodiscard]] Task<bool> carry_out_last(RunContext* run);
/// Undoes what that did, after the traffic.
[[nodiscard]] Task<void> undo_last(RunContext* run);

/// Holds one stage: planted faults, probes, looks, gates, split. Leaves checks and a row.
[[nodiscard]] Task<StepEnd> run_stage(RunContext* run, int stage);

/// Before a stage's traffic is moved: notifies the hooks, and waits for those that are required.
[[nodiscard]] Task<StepEnd> ask_hooks(RunContext* run, const Step* step);

/// Waits for the hooks that were `asked`, and measures meanwhile what the stage before `step` set.
/// Nothing: that is not good any more, and its checks are left.
[[nodiscard]] Task<std::optional<std::vector<Check>>>
watch_while_asked(RunContext* run, const Step* step, Task<std::vector<Check>> asked);

/// When somebody asked for a pause: waits here for the order to go on. Stop: nobody came.
/// `in_stage`: the step belongs to a stage whose traffic was moved, which is measured before
/// anybody is waited for.
[[nodiscard]] Task<StepEnd> pause_before(RunContext* run, std::string step, bool in_stage = false);

/// From here on users are watched.
[[nodiscard]] StepEnd begin_drill(RunContext& run);
/// The rollback of a drill: restores, then waits until users are well, and says how long it took.
[[nodiscard]] Task<StepEnd> roll_back_drill(RunContext* run, const Step* step);

/// Says whether `step` could be done, and does nothing.
[[nodiscard]] Task<StepEnd> forecast_step(RunContext* run, const Step* step);

/// Conversations go on on the other revision: from stable before anything moves, both ways once
/// the canary has traffic.
[[nodiscard]] Task<StepEnd> check_continuity(RunContext* run, const Step* step);
/// At a stage's end, when its conversation went on at its beginning: whether all of the run's are
/// still whole. SKIPPED: a stop came first.
[[nodiscard]] Task<Verdict> check_kept(RunContext* run, std::string where);
/// After a rollback that is `verified`: those made so far are whole as users find them.
[[nodiscard]] Task<void> check_conversations(RunContext* run, std::string step, bool verified);
/// Deletes the conversations that the run opened; a note names those that the target keeps.
[[nodiscard]] Task<void> remove_conversations(RunContext* run);

/// The budget that must be left before anything is moved.
[[nodiscard]] Task<StepEnd> judge_budget(RunContext* run);

/// The gates over the whole run.
[[nodiscard]] Task<StepEnd> judge_run(RunContext* run);

/// After the last step of a run that leaves its split: does it serve? What came after the last
/// stage took minutes. False leaves the check "traffic@end".
[[nodiscard]] Task<bool> still_serves(RunContext* run);

/// Restores the baseline and verifies it by read-back and over fresh connections.
[[nodiscard]] Task<report::RollbackFacts>
restore_baseline(RunContext* run, std::string step, std::string reason);

} // namespace oa_stream::playbook
