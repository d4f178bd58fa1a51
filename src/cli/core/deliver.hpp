// Delivers a run's result to other tools: --junit, --tap and --github, the same for every command.
#pragma once

#include "command.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// An error's text for output: no known secret, and valid UTF-8 whatever a server or an argument
/// contained.
[[nodiscard]] std::string said_aloud(const Error& error);

/// Checks early that the result can be delivered. Code::usage when the option's file cannot be
/// written there.
[[nodiscard]] Result<void> check_place(std::string_view option, const std::filesystem::path& file);

/// Called before the command begins. Code::usage when it can leave no run to report.
[[nodiscard]] Result<void> deliverable(const Context& context, const CommandSpec& command);

/// Writes the requested formats from run.json of the command's run, or from its error if it failed
/// before it had a run. Code::usage when the command left no run, Code::io when a file cannot be
/// written.
[[nodiscard]] Result<void>
deliver(const Context& context, const CommandSpec& command, const Error* error);

} // namespace oa_stream::cli
