// Wraps texts to the width of the user's terminal.
#pragma once

#include "core/command.hpp"

#include <cstddef>
#include <string_view>

namespace oa_stream::cli {

/// Prints result lines to stdout, wrapped for a terminal; otherwise to `piped` columns.
void show_text(std::string_view text, const Context& context, std::size_t piped = 0);

/// Prints whole lines to stderr in the same way.
void tell_text(std::string_view text, const Context& context);

} // namespace oa_stream::cli
