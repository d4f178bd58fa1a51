// Carries out a plan: steps in order, a verdict, and back to the baseline when anything is wrong.
#pragma once

#include "oa_stream/playbook/instruments.hpp"
#include "oa_stream/playbook/journal.hpp"
#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/report/report.hpp"
#include "oa_stream/run/conclusion.hpp"
#include "oa_stream/run/run_folder.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

using run::StopRequest;

/// The stage under way, for a live display.
struct StageView {
    int percent = 0;
    std::size_t index = 0; ///< 0-based among `stages`
    std::vector<int> stages{};
    double held_s = 0;
    double hold_s = 0; ///< planned
    bool extended = false;
    measure::Counts canary{};
    measure::Counts stable{};
    std::optional<double> canary_p95_s{};
    std::optional<double> stable_p95_s{};
    const std::vector<measure::GateSpec>* gates = nullptr; ///< valid during the call
};

struct Observer {
    std::function<void(std::string_view line)> say{}; ///< something happened
    std::function<void(const StageView& view)> stage{}; ///< about four times a second
    std::function<void(const Check& check)> check{}; ///< of a smoke, as it is done
};

enum class RunMode {
    live,
    rehearse, ///< everything but the mutations, which are previewed
};

struct RunnerTiming {
    Millis tick{50}; ///< how often a hold looks for signals
    Millis view_every{250};
    Millis interim_every{1000}; ///< interim looks of the gates, which may only FAIL
    Millis ground_every{1000}; ///< how often a hold reads what serves
    Millis in_flight{20000}; ///< how long a hold waits for its last probes
    Millis driver_call{5000}; ///< one call of the driver; longer means that it hangs
    Millis retry_pause{200}; ///< before a driver is asked again
    /// How often a hold asks the sources, each time an interim look; 0: a twentieth of the bake,
    /// within half a second and five.
    Millis source_every{0};
    Millis source_call{60000}; ///< one question; beyond the source's own limits
};

/// A number that somebody states instead of measuring it.
struct Asserted {
    double budget_consumed = 0; ///< share of every slo's error budget, 0–1
    std::string reason{};
};
/// "3.2%" and a sentence. Code::usage: no percentage within 0–100 %, or no reason.
[[nodiscard]] Result<Asserted>
parse_asserted(std::string_view budget_consumed, std::string_view reason);

/// What comes after a playbook's last step, when all of them went well.
struct LastStep {
    std::vector<Check> checks{}; ///< one that is neither PASS nor SKIPPED is a step that failed
    bool mutated = false; ///< something may have been written
    bool loose = false; ///< neither what was asked for nor what was before is verified
};

struct RunInput {
    const Plan* plan = nullptr;
    traffic::TrafficDriver* driver = nullptr;
    Instruments* instruments = nullptr;
    run::RunFolder* folder = nullptr;
    StopRequest* stop = nullptr;
    RunMode mode = RunMode::live;
    bool probes = true; ///< false (rehearsals): nothing is sent to the lane but GETs
    std::optional<Asserted> asserted{};
    Sources sources{};
    JournalSink journal{}; ///< unset: the folder's
    std::function<Task<LastStep>()> last{}; ///< unset: none
    Observer observer{};
    RunnerTiming timing{};
};

struct RunOutcome {
    Verdict verdict = Verdict::inconclusive;
    ExitCode exit = ExitCode::not_executed;
    run::RunEnding ended = run::RunEnding::failed;
    std::string headline{}; ///< why, in one sentence
    std::vector<Check> checks{};
    std::vector<report::StageRow> stages{};
    std::optional<report::RollbackFacts> rollback{};
    std::optional<report::RollbackFacts> restore{}; ///< the planned one at the end
    std::optional<report::DrillFacts> drill{};
    std::vector<std::string> notes{};
    bool held = false; ///< stopped, and the split stays, as the playbook says
    bool mutated = false; ///< something may have been written
    bool restored = false; ///< the baseline serves, by read-back and over fresh connections
};

/// All pointers of `input` must stay valid until it completes. Never throws on its own account;
/// every ending is an outcome.
[[nodiscard]] Task<RunOutcome> run_plan(RunInput input);

} // namespace oa_stream::playbook
