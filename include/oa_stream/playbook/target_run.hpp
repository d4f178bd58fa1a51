// Runs against a real target that end with its initial state: dry runs, verifications, drills.
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
    /// The file that the playbook was read from: with it `rollback apply --run` can roll back a
    /// drill that died.
    std::optional<PlanSource> source{};
    /// False: only GETs are sent from this machine. Checks that need more are SKIPPED, so the
    /// result is not a PASS.
    bool probes = true;
    std::optional<Asserted> asserted{};
    /// Drills: the file that the canary was started with as `serve --inject-file`.
    std::filesystem::path faults_file{};
    Operator by{};
    /// Sets the operator's access to a target, as already applied to `playbook.target`: for a
    /// playbook that is rehearsed against the same address.
    std::function<void(Target&)> access{};
};

inline constexpr KindSet k_rehearsed_kinds = bit(Kind::cutover) | bit(Kind::rehearsal);
inline constexpr KindSet k_verified_kinds =
    bit(Kind::steady_state) | bit(Kind::smoke_stream) | bit(Kind::smoke_control);
inline constexpr KindSet k_drilled_kinds = bit(Kind::rollback_drill);

/// Code::usage when the playbook `name` is of a kind that is not in `wanted`.
[[nodiscard]] Result<void> check_kind(std::string_view name, Kind kind, KindSet wanted);

/// Dry run of a cutover or a rehearsal: everything is read, probed, smoked and judged, mutations
/// are previewed, nothing is written. Takes no lock. Returns an error only when no run folder could
/// be created: Code::usage for a playbook of another kind, Code::credentials, Code::config.
[[nodiscard]] Task<Result<run::RunResult>> rehearse_target(TargetRunInput input);

/// Carries out a playbook that only checks. Errors as above.
[[nodiscard]] Task<Result<run::RunResult>> verify_target(TargetRunInput input);

/// Code::usage when the playbook is not a drill of a target, or a fault cannot be planted in the
/// canary.
[[nodiscard]] Result<void> check_drill(const TargetRunInput& input);

/// Carries out a drill. Errors as above, and Code::usage for a fault without a file to plant it in.
[[nodiscard]] Task<Result<run::RunResult>> drill_target(TargetRunInput input);

} // namespace oa_stream::playbook
