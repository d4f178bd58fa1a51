// Runs against the real thing that end where they began: dry runs, verifications, drills.
#pragma once

#include "oa_stream/playbook/run_end.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct TargetRunInput {
    Playbook playbook;
    /// The file it was read from: with it `rollback apply --run` can take a drill that died back.
    std::optional<PlanSource> source{};
    std::filesystem::path state_dir;
    std::vector<std::string> argv{}; ///< for run.json
    std::string version{};
    /// False: nothing but GETs leaves this machine. What needs more is SKIPPED, so it is no PASS.
    bool probes = true;
    std::optional<Asserted> asserted{};
    /// Drills: the file that the canary was told as `serve --inject-file`.
    std::filesystem::path faults_file{};
    StopRequest* stop = nullptr;
    Observer observer{};
};

/// Dry run of a cutover or a rehearsal: everything is read, probed, smoked and judged, mutations
/// are previewed, nothing is written. No lock is taken. An error only when there is not even a run
/// folder: Code::usage for a playbook of another kind, Code::credentials, Code::config.
[[nodiscard]] Task<Result<RunEnd>> rehearse_target(TargetRunInput input);

/// Carries out a playbook that only checks. Errors as above.
[[nodiscard]] Task<Result<RunEnd>> verify_target(TargetRunInput input);

/// Carries out a drill. Errors as above, and Code::usage for a fault without the file it goes into.
[[nodiscard]] Task<Result<RunEnd>> drill_target(TargetRunInput input);

} // namespace oa_stream::playbook
