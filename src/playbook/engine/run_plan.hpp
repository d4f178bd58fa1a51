// Carries out a plan: steps in order, a verdict, and back to the baseline when anything is wrong.
// Private to the room.
#pragma once

#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/run/run_session.hpp"
#include "oa_stream/run/steering.hpp"

#include "instruments.hpp"
#include "journal.hpp"

#include <functional>
#include <optional>

namespace oa_stream::playbook {

class Hooks;

enum class RunMode {
    live,
    rehearse, ///< everything but the mutations, which are previewed
};

struct RunnerTiming {
    Millis tick{50}; ///< how often a stage looks for signals
    Millis view_every{250};
    Millis interim_every{1000}; ///< interim looks of the gates, which may only FAIL
    Millis drift_every{1000}; ///< how often a stage reads what serves
    Millis in_flight{20000}; ///< how long a stage waits for its last probes
    Millis conversations{20000}; ///< how long a stage reads them at its end
    Millis silent{10000};    ///< a removal of conversations that takes longer is explained
    Millis driver_call{5000}; ///< one call of the driver; longer means that it hangs
    Millis retry_pause{200}; ///< before a driver is asked again
    /// How often a stage asks the sources, each time an interim look; 0: a twentieth of the bake,
    /// within half a second and five.
    Millis source_every{0};
    Millis source_call{60000}; ///< one question; beyond the source's own limits
};

/// What comes after a playbook's last step, when all of them went well.
struct LastStep {
    std::vector<Check> checks{}; ///< one that is neither PASS nor SKIPPED is a step that failed
    bool mutated = false; ///< something may have been written
    bool routes_unverified = false; ///< neither what was asked for nor what was before is verified
    bool others_alone = false; ///< an undo found only what others set: it wrote nothing
    bool undone_before = false; ///< and an earlier undo had been verified
};

/// How a run is carried out, as who begins it wants it.
struct RunTerms {
    RunMode mode = RunMode::live;
    bool probes = true; ///< false (rehearsals): nothing is sent to the lane but GETs
    std::optional<Asserted> asserted{};
    std::function<Task<Check>()> rehearse{}; ///< the playbook's dry run of another one; unset: none
    std::function<Task<Check>()> beside{}; ///< ends what goes on beside the run, and judges it
    /// Asked before each write and each line of the journal. Unset: nobody can take the run over.
    std::function<Result<void>()> may_write{};
};

struct RunInput : RunTerms {
    const Plan* plan = nullptr;
    traffic::TrafficDriver* driver = nullptr;
    Instruments* instruments = nullptr;
    run::RunSession* session = nullptr;
    StopRequest* stop = nullptr;
    Hooks* hooks = nullptr; ///< null: no hook is notified
    run::Steering* steering = nullptr; ///< null: nobody can steer the run, so nothing is waited for
    Sources sources{};
    JournalSink journal{}; ///< unset: the session's
    std::function<Task<LastStep>(Journal* journal)> last{}; ///< unset: none
    std::function<Task<LastStep>(Journal* journal)> undo_last{}; ///< for a rollback after it
    OnStage on_stage{};
    RunnerTiming timing{};
};

/// All pointers of `input` must stay valid until it completes. Never throws on its own account;
/// every ending is an outcome.
[[nodiscard]] Task<RunOutcome> run_plan(RunInput input);

} // namespace oa_stream::playbook
