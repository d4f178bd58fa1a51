// The fault that a drill plants into a canary that runs already, and its way out again, also by
// another process: faults.json of the run folder says where it is and what was there before.
// Private to the room.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// Code::usage when `file` can hold no fault: it is neither a regular file nor a name in a folder
/// that this process may write to.
[[nodiscard]] Result<void> check_faults_file(const std::filesystem::path& file);

/// Adds a line to `file`, once it is on disk in `folder` how to take it out.
[[nodiscard]] Result<void> plant_fault(
    const std::filesystem::path& folder, const std::filesystem::path& file, std::string_view fault
);

/// "error-rate=0.5 in FILE" while it may still be there; empty: nothing is planted.
[[nodiscard]] std::string planted_fault(const std::filesystem::path& folder);

/// Puts back what was there before, if nobody changed the file since; PASS when the fault is out of
/// it. Unset: nothing is planted. May be repeated.
[[nodiscard]] std::optional<Check> remove_fault(const std::filesystem::path& folder);

/// Whether that is all a run can have left: it has neither a plan nor a line in its journal.
[[nodiscard]] bool has_only_fault(const std::filesystem::path& folder);

/// The rollback of such a run; exit 8 while the fault is still planted. Code::precondition while a
/// living process works on it.
[[nodiscard]] Result<run::RunResult>
roll_back_fault(const run::Operator& by, const std::filesystem::path& folder, const Json& stored);

/// The same as remove_fault() for a run that ends: one more check of it, and exit 8 while the fault
/// is still planted.
void end_fault(run::RunSession& session, RunOutcome& outcome);

} // namespace oa_stream::playbook
