// Nobody else works on the run that is rolled back. Private to the room.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "plan/plan_file.hpp"

#include <filesystem>
#include <optional>

namespace oa_stream::playbook {

/// The run's folder is not one of the state directory.
[[nodiscard]] bool
is_elsewhere(const std::filesystem::path& folder, const std::filesystem::path& state_dir);

struct RollbackLocks {
    run::TargetLock target;
    /// The target's in the run's own state directory, so that its process writes nothing more.
    std::optional<run::TargetLock> fence{};
    bool taken_over = false; ///< a process that was taken over may still be in the run's folder
};

/// The lock of the run's target, and nobody else in its folder. When the run is under way in
/// another process of this machine, that one is asked to roll back, and waited for or taken over.
[[nodiscard]] Task<Result<RollbackLocks>>
lock_rollback(const RollbackRequest* request, const Plan* plan, std::filesystem::path folder);

} // namespace oa_stream::playbook
