// Ensures that no other process works on the run being rolled back. Private to the room.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/playbook/operate.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "plan/plan_file.hpp"

#include <filesystem>
#include <optional>

namespace oa_stream::playbook {

/// The run's folder does not belong to the state directory.
[[nodiscard]] bool
is_elsewhere(const std::filesystem::path& folder, const std::filesystem::path& state_dir);

struct RollbackLocks {
    run::TargetLock target;
    /// The target's lock in the run's own state directory, so that the run's process writes nothing
    /// more.
    std::optional<run::TargetLock> fence{};
    bool taken_over = false; ///< a process that was taken over may still work in the run's folder
};

/// Acquires the lock of the run's target, with no other process left in its folder. If the run is
/// under way in another process of this machine, that process is ordered to roll back, and waited
/// for or taken over.
[[nodiscard]] Task<Result<RollbackLocks>>
lock_rollback(const RollbackRequest* request, const Plan* plan, std::filesystem::path folder);

} // namespace oa_stream::playbook
