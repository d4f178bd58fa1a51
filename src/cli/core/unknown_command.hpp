// What to type instead of words that name no command.
#pragma once

#include "oa_stream/base/error.hpp"

#include <span>
#include <string>

namespace oa_stream::cli {

/// Of `words`, which are not empty and begin with no command: Code::usage with the nearest one, or
/// with those of the family that they begin with.
[[nodiscard]] std::unexpected<Error> unknown_command(std::span<const std::string> words);

} // namespace oa_stream::cli
