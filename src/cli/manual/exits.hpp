// The exit codes of one command, as listed in its manual page and docs/commands.md.
#pragma once

#include "core/command.hpp"
#include "core/exit_codes.hpp"

#include <vector>

namespace oa_stream::cli {

/// In numerical order, with their meaning for this command.
[[nodiscard]] std::vector<ExitCodeRow> exits_of(const CommandSpec& command);

} // namespace oa_stream::cli
