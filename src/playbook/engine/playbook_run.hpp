// One run of a playbook: apply, rehearsal, verification, drill and rollback set up, lock, carry out
// and report through this. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/run/steering.hpp"

#include "hooks/hooks.hpp"
#include "run_plan.hpp"
#include "stage/live.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

/// In `target` of run.json: the folder that relative paths of the run's playbook refer to.
inline constexpr const char* k_started_in = "folder";

/// Must keep its address while it is carried out: the engine points into it.
struct PlaybookRun : RunTerms {
    Operator by;
    /// `playbook`, `target` and `driver` from the start; the rest once the live state was read.
    Plan plan;
    Outside outside;
    run::RunSession session;
    std::filesystem::path plan_file{}; ///< for an apply
    std::string approved_by{}; ///< as stated by the operator
    Json approvals = Json::array(); ///< for run.json: who agreed, and how it is known
    std::string reopen{}; ///< why the stages of a completed cutover are repeated
    std::filesystem::path faults_file{}; ///< where a drill of a target plants its fault
    LiveOptions live{}; ///< limits and planted faults; the rest comes from the plan
    std::string title{}; ///< of the report
    std::vector<std::pair<std::string, std::string>> facts{}; ///< for the report: name, value
    std::vector<std::string> faults{}; ///< planted faults
    std::unique_ptr<Instruments> instruments{};
    std::unique_ptr<Hooks> hooks{}; ///< null in a dry run, which notifies no hook
    std::unique_ptr<run::Steering> steering{}; ///< while it is under way and moves traffic
    bool needs_new_plan = false; ///< for an apply: its plan was refused for good
    /// Another process took the run over: the folder is no longer ours.
    std::optional<Error> lost{};

    [[nodiscard]] const Playbook& playbook() const noexcept { return plan.playbook; }
};

/// Creates the run folder. A plan that already has steps is written to it at once: from then on the
/// folder alone suffices to roll the run back. Code::io.
[[nodiscard]] Result<PlaybookRun>
begin_run(Operator by, Plan plan, Outside outside, RunMode mode, Json target);

/// Reads and checks under the lock, before anything is changed.
using Prepare = Task<Result<void>> (*)(PlaybookRun*);
/// Reads the live state and makes the plan from it, with the warnings and the routes' plan.
[[nodiscard]] Task<Result<void>> plan_from_live(PlaybookRun* run);

/// Locks the target when the run moves traffic, prepares, and carries the plan out. An error means
/// that the run could not begin.
[[nodiscard]] Task<Result<RunOutcome>> carry_out_run(PlaybookRun* run, Prepare prepare);

/// Renews the users' token before it expires, until `over`; `run` is not accessed afterwards.
[[nodiscard]] Task<void> renew_token(std::shared_ptr<const bool> over, PlaybookRun* run);
void make_instruments(PlaybookRun& run, const asio::any_io_executor& executor);
/// The sources in the form that a run needs.
[[nodiscard]] Sources sources_of(const Outside& outside);
void make_hooks(PlaybookRun& run, const asio::any_io_executor& executor);
/// The engine's input for this run. Requires make_instruments().
[[nodiscard]] RunInput engine_input(PlaybookRun& run);

/// Writes the report, waits for hooks, and closes the folder. Writes nothing for a run that another
/// process took over: Code::conflict.
[[nodiscard]] Task<Result<run::RunResult>> end_run(PlaybookRun* run, Result<RunOutcome> ended);

/// Notifies the hooks of the run's end, waits for them for a while, and adds undelivered events to
/// the outcome's notes.
[[nodiscard]] Task<void> tell_end(PlaybookRun* run, RunOutcome* outcome, Advice next);

/// The report of an outcome, with the run's facts and the next command: none after a PASS,
/// otherwise `next`, or to read `file` if that is empty.
[[nodiscard]] report::Report
report_of(const PlaybookRun& run, RunOutcome outcome, Advice next, std::string_view file);

} // namespace oa_stream::playbook
