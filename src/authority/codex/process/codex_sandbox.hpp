// The sandbox of the agent profile: what the model's commands may read and write, as a permission
// profile of Codex, and the command that proves it at every start of a child.
//
// Codex 0.169 runs a command in namespaces made by bubblewrap (its own copy where the system has
// none): the profile's roots are mounted, everything else is absent. It needs user namespaces.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "codex_home.hpp"

#include <string>

namespace oa_stream::authority {

/// Tables of config.toml that define the profile k_permissions and what environment commands get.
/// `command_home`: their HOME; empty: Codex's own.
inline constexpr std::string_view k_permissions = "oa_stream";
[[nodiscard]] std::string
sandbox_tables(const CodexOptions& options, const std::filesystem::path& command_home);

/// Whether a child of these options has to pass the check.
[[nodiscard]] bool needs_sandbox_check(const CodexOptions& options);
/// command/exec: tries to read what must be shut, and to write to the work folder.
[[nodiscard]] Json sandbox_check_params(const CodexHome& home, const CodexOptions& options);
/// Code::precondition: a command could read one of them, or none could be run.
[[nodiscard]] Result<void> judge_sandbox_check(const Json& result);

} // namespace oa_stream::authority
