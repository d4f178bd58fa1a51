// Are the gates of a playbook any good? One fault a gate, planted in turn, and whether it noticed.
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
    std::string fault; ///< "truncate=0.3"; empty: no fault is known that this gate is there for
};
/// Each gate of the stages that decides, with the fault that it is to notice, and last continuity
/// where the playbook requires it.
[[nodiscard]] std::vector<GateTrial> gate_trials(const Playbook& playbook);

/// Code::usage for a playbook without stages or without a gate that decides, or without the file
/// that faults go into.
[[nodiscard]] Result<void> check_each_gate(const TargetRunInput& input);

/// One drill a gate: a single stage, its fault planted there, every other gate only observing. A
/// drill whose rollback is not verified ends the run. The run's checks are `gate.ID`: FAIL for one
/// that did not notice, INCONCLUSIVE for one that no fault is known for. Needs check_each_gate().
[[nodiscard]] Task<Result<run::RunResult>> drill_each_gate(TargetRunInput input);

/// The last such run that was carried out to its end.
struct GatesDrilled {
    std::string at;  ///< RFC 3339
    std::string run;
    std::string open{}; ///< as open_gates()
    bool same_gates = true; ///< the playbook has these gates still
};
/// Of trials as gates.json has them, those without a PASS and why: "a, b did not notice; not
/// judged: c".
[[nodiscard]] std::string open_gates(const Json& trials);
/// What distinguishes gates from those of an earlier day.
[[nodiscard]] std::string gates_digest(const Playbook& playbook);
/// Of the playbook of that name; `gates`: the playbook as it is now, null: not compared.
[[nodiscard]] std::optional<GatesDrilled> last_gates_drilled(
    const std::filesystem::path& state_dir, std::string_view name, const Playbook* gates
);
/// One line for a plan.
[[nodiscard]] std::string drilled_text(const std::optional<GatesDrilled>& drilled);
/// The check `gates.drilled` of a playbook that requires it.
[[nodiscard]] Check judge_drilled(const std::filesystem::path& state_dir, const Playbook& playbook);

} // namespace oa_stream::playbook
