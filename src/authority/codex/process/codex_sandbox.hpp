// The sandbox of the agent profile: which files the model's commands may read and write, as a
// permission profile of Codex, and the command that proves it at every start of a child.
//
// Codex 0.169 runs a command in namespaces created by bubblewrap (its own copy if the system has
// none): only the profile's roots are mounted. It needs user namespaces.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "codex_home.hpp"

#include <string>

namespace oa_stream::authority {

/// The config.toml tables for the profile k_permissions and the environment of commands.
/// `command_home`: their HOME; empty: Codex's own.
inline constexpr std::string_view k_permissions = "oa_stream";
[[nodiscard]] std::string
sandbox_tables(const CodexOptions& options, const std::filesystem::path& command_home);

/// Whether a child with these options has to pass the check.
[[nodiscard]] bool needs_sandbox_check(const CodexOptions& options);
/// Parameters of command/exec: tries to read the forbidden paths and to write to the work folder.
[[nodiscard]] Json sandbox_check_params(const CodexHome& home, const CodexOptions& options);
/// Code::precondition: the command could read a forbidden path, or could not run.
[[nodiscard]] Result<void> judge_sandbox_check(const Json& result);

} // namespace oa_stream::authority
