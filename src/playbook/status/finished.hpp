// Checks that earlier runs on a target allow a new one.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <string_view>

namespace oa_stream::playbook {

/// Code::precondition naming a run on `target`, or on an unreadable target, that left something
/// undone, and the command that ends it: a cutover on top of a half-moved split would take that
/// split for the baseline. Code::io when the runs cannot be listed.
[[nodiscard]] Result<void>
check_nothing_undone(const std::filesystem::path& state_dir, std::string_view target);

/// Code::conflict naming the run that works on `target` now: what serves meanwhile is neither the
/// earlier nor the final state. A check, not a lock.
[[nodiscard]] Result<void>
check_nothing_under_way(const std::filesystem::path& state_dir, std::string_view target);

} // namespace oa_stream::playbook
