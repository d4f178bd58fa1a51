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

/// The lock of such a run is in another state directory, so that only its folder shows that a
/// process works on it. That one is asked to roll back, and waited for or taken over.
[[nodiscard]] Task<Result<std::optional<run::TargetLock>>>
end_elsewhere(const RollbackRequest* request, const Plan* plan, std::filesystem::path folder);

/// The run's lock. When the run itself is under way in another process of this machine, that one is
/// asked to roll back and waited for; anybody else keeps the lock.
[[nodiscard]] Task<Result<run::TargetLock>>
lock_for(const RollbackRequest* request, const Plan* plan, std::filesystem::path folder);

} // namespace oa_stream::playbook
