// Suggestions for words that name no command.
#pragma once

#include "oa_stream/base/error.hpp"

#include <span>
#include <string>

namespace oa_stream::cli {

/// For `words`, which are not empty and do not begin with a command: Code::usage with the nearest
/// command, or with the commands of the family that they begin with.
[[nodiscard]] std::unexpected<Error> unknown_command(std::span<const std::string> words);

} // namespace oa_stream::cli
