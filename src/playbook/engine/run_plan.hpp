// Carries out a plan: steps in order, a verdict, and a rollback to the baseline when anything is
// wrong. Private to the room.
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
    Millis tick{50}; ///< how often a stage checks for signals
    Millis view_every{250};
    Millis interim_every{1000}; ///< interval of the gates' interim looks, which may only FAIL
    Millis drift_every{1000}; ///< how often a stage reads the serving split
    Millis in_flight{20000}; ///< how long a stage waits for its last probes
    Millis conversations{20000}; ///< how long a stage reads conversations at its end
    Millis silent{10000}; ///< a longer removal of conversations is explained
    Millis driver_call{5000}; ///< for one driver call; longer means that it hangs
    Millis retry_pause{200}; ///< before a driver call is retried
    /// How often a stage queries the sources, each time as an interim look; 0: a twentieth of the
    /// bake, between half a second and five.
    Millis source_every{0};
    Millis source_call{60000}; ///< for one question; beyond the source's own limits
};

/// The step after a playbook's last step, when all others succeeded.
struct LastStep {
    /// A check that is neither PASS nor SKIPPED means that the step failed.
    std::vector<Check> checks{};
    bool mutated = false; ///< something may have been written
    /// Neither the requested overrides nor the former ones are verified.
    bool routes_unverified = false;
    bool others_alone = false; ///< an undo found only others' overrides and wrote nothing
    bool undone_before = false; ///< in addition, an earlier undo had been verified
};

/// How a run is carried out, as set by its caller.
struct RunTerms {
    RunMode mode = RunMode::live;
    bool probes = true; ///< false (rehearsals): only GETs are sent to the lane
    std::optional<Asserted> asserted{};
    /// The playbook's dry run of another playbook; unset: none.
    std::function<Task<Check>()> rehearse{};
    std::function<Task<Check>()> beside{}; ///< ends a task that runs beside the run, and judges it
    /// Called before each write and each journal line. Unset: the run cannot be taken over.
    std::function<Result<void>()> may_write{};
};

struct RunInput : RunTerms {
    const Plan* plan = nullptr;
    traffic::TrafficDriver* driver = nullptr;
    Instruments* instruments = nullptr;
    run::RunSession* session = nullptr;
    StopRequest* stop = nullptr;
    Hooks* hooks = nullptr; ///< null: no hook is notified
    /// null: the run cannot be steered, so it never waits for an operator.
    run::Steering* steering = nullptr;
    Sources sources{};
    JournalSink journal{}; ///< unset: the session's
    std::function<Task<LastStep>(Journal* journal)> last{}; ///< unset: none
    std::function<Task<LastStep>(Journal* journal)> undo_last{}; ///< for a rollback after `last`
    OnStage on_stage{};
    RunnerTiming timing{};
};

/// All pointers in `input` must stay valid until it completes. Throws nothing itself; every ending
/// is an outcome.
[[nodiscard]] Task<RunOutcome> run_plan(RunInput input);

} // namespace oa_stream::playbook
