// What earlier runs on a target forbid to a new one.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <string_view>

namespace oa_stream::playbook {

/// Code::precondition naming a run on `target`, or on one that cannot be read, that left something
/// undone, and what ends it: a cutover on top of a half-moved split would take that split for what
/// is to be restored.
/// Code::io when the runs cannot be listed.
[[nodiscard]] Result<void>
check_nothing_undone(const std::filesystem::path& state_dir, std::string_view target);

/// Code::conflict naming the run that works on `target` now: what serves meanwhile is neither what
/// was there before nor what stays. A look, not a lock.
[[nodiscard]] Result<void>
check_nothing_under_way(const std::filesystem::path& state_dir, std::string_view target);

} // namespace oa_stream::playbook
