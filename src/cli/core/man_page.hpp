// Manual pages in man(7) form, from the command table.
#pragma once

#include "command.hpp"

#include <string>
#include <vector>

namespace oa_stream::cli {

struct ManPage {
    std::string name; ///< "oa-stream-smoke-stream", in section 1
    std::string text; ///< ASCII, lines as roff wants them
};

/// oa-stream(1): what it is for, every command, exit codes, environment, files.
[[nodiscard]] ManPage manual();
[[nodiscard]] ManPage manual_of(const CommandSpec& command);
/// All of them.
[[nodiscard]] std::vector<ManPage> manuals();

/// docs/commands.md: the same for the web.
[[nodiscard]] std::string commands_page();

} // namespace oa_stream::cli
