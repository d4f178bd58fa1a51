// Help text, printed from the command table alone.
#pragma once

#include "core/command.hpp"

#include <string>

namespace oa_stream::cli {

/// The first screen: what the program is for and every command with its summary.
[[nodiscard]] std::string overview();
/// Usage, options with defaults, examples. Lines are at most 100 columns.
[[nodiscard]] std::string help_of(const CommandSpec& command);

} // namespace oa_stream::cli
