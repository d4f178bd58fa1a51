// The exit codes that one command ends with, as its manual page and docs/commands.md list them.
#pragma once

#include "core/command.hpp"
#include "core/exit_codes.hpp"

#include <vector>

namespace oa_stream::cli {

/// In the order of their numbers, with what they mean there.
[[nodiscard]] std::vector<ExitCodeRow> exits_of(const CommandSpec& command);

} // namespace oa_stream::cli
