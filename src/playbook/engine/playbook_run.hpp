// One run of a playbook, whatever it is for: apply, rehearsal, verification, drill and rollback set
// up, lock, carry out and report through this. Private to the room.
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

/// In `target` of run.json: where relative paths of the run's playbook begin.
inline constexpr const char* k_started_in = "folder";

/// Address-stable once the run is carried out: the engine points into it.
struct PlaybookRun : RunTerms {
    Operator by;
    Plan plan; ///< `playbook`, `target` and `driver` from the start; the rest once live was read
    Outside outside;
    run::RunSession session;
    std::filesystem::path plan_file{}; ///< of an apply
    std::string approved_by{}; ///< as the operator states
    Json approvals = Json::array(); ///< for run.json: who agreed, and how that is known
    std::string reopen{}; ///< why the stages of a cutover that is over run again
    std::filesystem::path faults_file{}; ///< where a drill against a target plants its fault
    LiveOptions live{}; ///< limits and planted faults; the rest comes from the plan
    std::string title{}; ///< of the report
    std::vector<std::pair<std::string, std::string>> facts{}; ///< for the report: name, value
    std::vector<std::string> faults{}; ///< planted
    std::unique_ptr<Instruments> instruments{};
    std::unique_ptr<Hooks> hooks{}; ///< null in a dry run: it notifies no hook
    std::unique_ptr<run::Steering> steering{}; ///< while it is under way and moves traffic
    bool needs_new_plan = false; ///< of an apply: its plan was refused for good
    std::optional<Error> lost{}; ///< another process took it over: the folder is not ours any more

    [[nodiscard]] const Playbook& playbook() const noexcept { return plan.playbook; }
};

/// Creates the run folder. A plan that has steps already is written to it at once: from then on the
/// folder alone is enough to roll the run back. Code::io.
[[nodiscard]] Result<PlaybookRun>
begin_run(Operator by, Plan plan, Outside outside, RunMode mode, Json target);

/// What has to be known or checked under the lock, before anything is changed.
using Prepare = Task<Result<void>> (*)(PlaybookRun*);
/// Reads what serves and makes the plan of it, with the warnings and the routes' plan.
[[nodiscard]] Task<Result<void>> plan_from_live(PlaybookRun* run);

/// Locks the target when the run moves traffic, prepares, and carries the plan out. An error is a
/// run that could not begin.
[[nodiscard]] Task<Result<RunOutcome>> carry_out_run(PlaybookRun* run, Prepare prepare);

/// Replaces the users' token before it ends, until `over`; `run` is not touched afterwards.
[[nodiscard]] Task<void> renew_token(std::shared_ptr<const bool> over, PlaybookRun* run);
void make_instruments(PlaybookRun& run, const asio::any_io_executor& executor);
/// Its sources, as a run takes them.
[[nodiscard]] Sources sources_of(const Outside& outside);
void make_hooks(PlaybookRun& run, const asio::any_io_executor& executor);
/// The engine's input for this run. Instruments must be there.
[[nodiscard]] RunInput engine_input(PlaybookRun& run);

/// Writes the report and closes the folder. Of a run that another process took over nothing is
/// written: Code::conflict. Hooks are waited for.
[[nodiscard]] Task<Result<run::RunResult>> end_run(PlaybookRun* run, Result<RunOutcome> ended);

/// Tells the hooks how the run ended, waits for them for a while, and adds what they missed to the
/// outcome's notes.
[[nodiscard]] Task<void> tell_end(PlaybookRun* run, RunOutcome* outcome, Advice next);

/// The report of an outcome, with the run's facts and what to type next: nothing after a PASS, else
/// `next`, or to read `file` if that is empty.
[[nodiscard]] report::Report
report_of(const PlaybookRun& run, RunOutcome outcome, Advice next, std::string_view file);

} // namespace oa_stream::playbook
