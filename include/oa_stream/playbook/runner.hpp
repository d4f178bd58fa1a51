// The progress of a run, how it is stopped, and its outcome.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/error.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/report/report.hpp"
#include "oa_stream/run/run_session.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

using run::StopRequest;

/// The current stage, for a live display.
struct StageView {
    int percent = 0;
    std::size_t index = 0; ///< 0-based among `stages`
    std::vector<int> stages{};
    std::size_t later = 0; ///< number of later stages
    double elapsed_s = 0;
    double left_s = 0; ///< until the end of this window, or of the pause
    double bake_s = 0;
    double extend_s = 0; ///< largest extension of each stage
    bool extended = false; ///< extended already, or no longer extendable
    bool paused = false;
    measure::Counts canary{};
    measure::Counts stable{};
    std::optional<double> canary_p95_s{};
    std::optional<double> stable_p95_s{};
    const std::vector<measure::GateSpec>* gates = nullptr; ///< valid during the call
};

using OnStage = std::function<void(const StageView& view)>;

/// The operator who starts a run of a playbook.
struct Operator : run::Operator {
    OnStage on_stage{}; ///< called about four times a second; unset: no display
};

/// A value that an operator states instead of measuring it.
struct Asserted {
    double budget_consumed = 0; ///< share of every slo's error budget, 0–1
    std::string reason{};
};
/// Parses "3.2%" and a sentence. Code::usage: not a percentage within 0–100 %, or no reason.
[[nodiscard]] Result<Asserted>
parse_asserted(std::string_view budget_consumed, std::string_view reason);

/// How the engine ended; the caller sets the report's title, facts and next command.
struct RunOutcome : report::Report {
    ExitCode exit = ExitCode::not_executed;
    run::RunEnding ended = run::RunEnding::failed;
    std::optional<report::RollbackFacts> restore{}; ///< of the planned restore at the end
    bool gone = false; ///< what the rollback was to shift no longer exists
    /// The baseline's split serves, but differs from what was recorded: the setting cannot be
    /// restored, or another revision answers there.
    bool differs = false;
    /// Why the driver would refuse the write that the rollback could not verify. Empty: it would
    /// not.
    std::string obstacle{};
    bool only_fault_left = false; ///< a planted fault is all that is left to undo
    bool held = false; ///< stopped with the split left in place, as the playbook requires
    bool foreign = false; ///< the rollback left a split set by others in place
    bool mutated = false; ///< something may have been written
    /// The baseline serves, verified by read-back and over fresh connections.
    bool restored = false;
    /// It stopped because a stated budget is missing. A plan can only be applied once, even if it
    /// moved nothing.
    bool needs_new_plan = false;
    bool next_manual = false; ///< `next` begins with an operator's action without oa-stream

    /// Writing the baseline without oa-stream can help. HAProxy also accepts a weight for a server
    /// that is down.
    [[nodiscard]] bool by_hand_helps() const { return !differs && obstacle.empty(); }
    /// Sets verdict, exit code, ending and checks to what the session concludes from `facts`.
    void conclude(run::RunSession& session, const run::EndFacts& facts);
};

} // namespace oa_stream::playbook
