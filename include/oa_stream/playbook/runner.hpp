// What a run shows while it goes on, how it is stopped, and what comes of it.
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

/// The stage under way, for a live display.
struct StageView {
    int percent = 0;
    std::size_t index = 0; ///< 0-based among `stages`
    std::vector<int> stages{};
    std::size_t later = 0; ///< stages that are still to be held
    double elapsed_s = 0;
    double left_s = 0; ///< of this window, or of the pause
    double bake_s = 0;
    double extend_s = 0; ///< at most, of each stage
    bool extended = false; ///< or it cannot be any more
    bool paused = false;
    measure::Counts canary{};
    measure::Counts stable{};
    std::optional<double> canary_p95_s{};
    std::optional<double> stable_p95_s{};
    const std::vector<measure::GateSpec>* gates = nullptr; ///< valid during the call
};

using OnStage = std::function<void(const StageView& view)>;

/// Who starts a run of a playbook.
struct Operator : run::Operator {
    OnStage on_stage{}; ///< about four times a second; unset: nobody watches
};

/// A number that somebody states instead of measuring it.
struct Asserted {
    double budget_consumed = 0; ///< share of every slo's error budget, 0–1
    std::string reason{};
};
/// "3.2%" and a sentence. Code::usage: no percentage within 0–100 %, or no reason.
[[nodiscard]] Result<Asserted>
parse_asserted(std::string_view budget_consumed, std::string_view reason);

/// How the engine ended; the report's title, facts and next command are the caller's.
struct RunOutcome : report::Report {
    ExitCode exit = ExitCode::not_executed;
    run::RunEnding ended = run::RunEnding::failed;
    std::optional<report::RollbackFacts> restore{}; ///< the planned one at the end
    bool gone = false; ///< what the rollback was to move does not exist any more
    /// The baseline's split serves, and it is not what was recorded: the setting cannot be that one
    /// any more, or another revision answers there.
    bool differs = false;
    /// Why the driver would not write what the rollback could not verify. Empty: it would.
    std::string obstacle{};
    bool only_fault_left = false; ///< a planted fault is all that is not as before
    bool held = false; ///< stopped, and the split stays, as the playbook says
    bool foreign = false; ///< the rollback left somebody else's split alone
    bool mutated = false; ///< something may have been written
    bool restored = false; ///< the baseline serves, by read-back and over fresh connections
    /// It stopped for want of a stated budget. A plan is applied once, also when it moved nothing.
    bool needs_new_plan = false;
    bool next_manual = false; ///< `next` begins with what a person types without oa-stream

    /// To write it without oa-stream. HAProxy takes a weight for a server that is down, too.
    [[nodiscard]] bool by_hand_helps() const { return !differs && obstacle.empty(); }
    /// Verdict, exit code, ending and checks from what the session concludes of `facts`.
    void conclude(run::RunSession& session, const run::EndFacts& facts);
};

} // namespace oa_stream::playbook
