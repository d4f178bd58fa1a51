// Tests the gates of a playbook: plants one fault per gate in turn and checks that the gate detects
// it.
#pragma once

#include "oa_stream/playbook/target_run.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

inline constexpr KindSet k_gate_trial_kinds = k_drilled_kinds | bit(Kind::cutover);
inline constexpr std::string_view k_continuity_trial = "continuity";

struct GateTrial {
    std::string gate; ///< id, or k_continuity_trial
    std::string fault; ///< "truncate=0.3"; empty: no fault is known that this gate should detect
};
/// Each deciding gate of the stages with the fault that it should detect, and last continuity if
/// the playbook requires it.
[[nodiscard]] std::vector<GateTrial> gate_trials(const Playbook& playbook);

/// Code::usage for a playbook without stages or without a deciding gate, or without the file that
/// faults are written to.
[[nodiscard]] Result<void> check_each_gate(const TargetRunInput& input);

/// One drill per gate: a single stage with the gate's fault planted, where every other gate only
/// observes. A drill whose rollback is not verified ends the run. The run's checks are `gate.ID`:
/// FAIL for a gate that did not detect its fault, INCONCLUSIVE for one without a known fault.
/// Requires check_each_gate().
[[nodiscard]] Task<Result<run::RunResult>> drill_each_gate(TargetRunInput input);

/// The last such run that was completed.
struct GatesDrilled {
    std::string at; ///< RFC 3339
    std::string run;
    std::string open{}; ///< result of open_gates()
    bool same_gates = true; ///< the playbook's gates are still the same
};
/// From the trials in gates.json, the gates without a PASS and the reason: "a, b did not notice;
/// not judged: c".
[[nodiscard]] std::string open_gates(const Json& trials);
/// Digest that shows whether the gates have changed since.
[[nodiscard]] std::string gates_digest(const Playbook& playbook);
/// For the playbook of that name; `gates`: the present playbook, null: not compared.
[[nodiscard]] std::optional<GatesDrilled> last_gates_drilled(
    const std::filesystem::path& state_dir, std::string_view name, const Playbook* gates
);
/// One line for a plan.
[[nodiscard]] std::string drilled_text(const std::optional<GatesDrilled>& drilled);
/// The check `gates.drilled` of a playbook that requires drilled gates.
[[nodiscard]] Check judge_drilled(const std::filesystem::path& state_dir, const Playbook& playbook);

} // namespace oa_stream::playbook
