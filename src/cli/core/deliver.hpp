// A run's result for other tools: --junit, --tap and --github, the same for every command.
#pragma once

#include "command.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// An error as anybody may read it: no known secret, and UTF-8 whatever a server or an argument
/// was.
[[nodiscard]] std::string said_aloud(const Error& error);

/// A run that nobody gets the result of need not begin. Code::usage when the option's file cannot
/// be written there.
[[nodiscard]] Result<void> check_place(std::string_view option, const std::filesystem::path& file);

/// Before the command begins. Code::usage when it can leave no run to report.
[[nodiscard]] Result<void> deliverable(const Context& context, const CommandSpec& command);

/// Writes what was asked for, from run.json of the run that the command left; of a command that
/// failed before it had one, from its error. Code::usage when the command left no run,
/// Code::io when a file cannot be written.
[[nodiscard]] Result<void>
deliver(const Context& context, const CommandSpec& command, const Error* error);

} // namespace oa_stream::cli
