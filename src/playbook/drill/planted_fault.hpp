// The fault that a drill plants into a running canary, and its removal, also by another process:
// faults.json in the run folder records the file and its former content. Private to the room.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// Code::usage when `file` cannot hold a fault: it is neither a regular file nor a new name in a
/// folder that this process may write to.
[[nodiscard]] Result<void> check_faults_file(const std::filesystem::path& file);

/// Adds a line to `file`, after recording in `folder` how to remove it.
[[nodiscard]] Result<void> plant_fault(
    const std::filesystem::path& folder, const std::filesystem::path& file, std::string_view fault
);

/// "error-rate=0.5 in FILE" while it may still be planted; empty: nothing is planted.
[[nodiscard]] std::string planted_fault(const std::filesystem::path& folder);

/// Restores the former content if the file was not changed since; PASS when the fault is removed.
/// Unset: nothing is planted. May be repeated.
[[nodiscard]] std::optional<Check> remove_fault(const std::filesystem::path& folder);

/// Whether a fault is all that a run can have left: it has neither a plan nor a journal line.
[[nodiscard]] bool has_only_fault(const std::filesystem::path& folder);

/// Rolls back such a run; exit 8 while the fault is still planted. Code::precondition while a
/// living process works on it.
[[nodiscard]] Result<run::RunResult>
roll_back_fault(const run::Operator& by, const std::filesystem::path& folder, const Json& stored);

/// remove_fault() for a run that ends: adds a check to it, and sets exit 8 while the fault is still
/// planted.
void end_fault(run::RunSession& session, RunOutcome& outcome);

} // namespace oa_stream::playbook
