// Runs against the real thing that end where they began: dry runs, verifications, drills.
#pragma once

#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

namespace oa_stream::playbook {

struct TargetRunInput {
    Playbook playbook;
    /// The file it was read from: with it `rollback apply --run` can roll back a drill that died.
    std::optional<PlanSource> source{};
    /// False: nothing but GETs leaves this machine. What needs more is SKIPPED, so it is not a
    /// PASS.
    bool probes = true;
    std::optional<Asserted> asserted{};
    /// Drills: the file that the canary got as `serve --inject-file`.
    std::filesystem::path faults_file{};
    Operator by{};
    /// How the operator reaches `playbook.target`, which has it already: for a playbook that is
    /// rehearsed against the same address.
    std::function<void(Target&)> access{};
};

inline constexpr KindSet k_rehearsed_kinds = bit(Kind::cutover) | bit(Kind::rehearsal);
inline constexpr KindSet k_verified_kinds =
    bit(Kind::steady_state) | bit(Kind::smoke_stream) | bit(Kind::smoke_control);
inline constexpr KindSet k_drilled_kinds = bit(Kind::rollback_drill);

/// Code::usage when the playbook called `name` is of another kind.
[[nodiscard]] Result<void> check_kind(std::string_view name, Kind kind, KindSet wanted);

/// Dry run of a cutover or a rehearsal: everything is read, probed, smoked and judged, mutations
/// are previewed, nothing is written. No lock is taken. An error only when there is not even a run
/// folder: Code::usage for a playbook of another kind, Code::credentials, Code::config.
[[nodiscard]] Task<Result<run::RunResult>> rehearse_target(TargetRunInput input);

/// Carries out a playbook that only checks. Errors as above.
[[nodiscard]] Task<Result<run::RunResult>> verify_target(TargetRunInput input);

/// Code::usage when it is not a drill of a target, or a fault has no way into the canary.
[[nodiscard]] Result<void> check_drill(const TargetRunInput& input);

/// Carries out a drill. Errors as above, and Code::usage for a fault without the file it goes into.
[[nodiscard]] Task<Result<run::RunResult>> drill_target(TargetRunInput input);

} // namespace oa_stream::playbook
