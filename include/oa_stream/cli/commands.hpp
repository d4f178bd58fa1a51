// Every command's row; each is defined in its own file, src/cli/<name>_command.cpp.
#pragma once

#include "oa_stream/cli/command.hpp"

namespace oa_stream::cli {

extern const CommandSpec serve_command;
extern const CommandSpec front_command;
extern const CommandSpec smoke_stream_command;
extern const CommandSpec check_command;
extern const CommandSpec cutover_rehearse_command;
extern const CommandSpec version_command;

} // namespace oa_stream::cli
