// Texts wrapped to the width of the reader's terminal.
#pragma once

#include "core/command.hpp"

#include <cstddef>
#include <string_view>

namespace oa_stream::cli {

/// Result lines on stdout, as a terminal should show them when it is one; else `piped` columns
/// wide.
void show_text(std::string_view text, const Context& context, std::size_t piped = 0);

/// Whole lines on stderr, in the same way.
void tell_text(std::string_view text, const Context& context);

} // namespace oa_stream::cli
