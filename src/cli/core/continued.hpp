// A command line by its words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// A word of a command line, with its quotes, off the front of `text`.
[[nodiscard]] std::string_view take_word(std::string_view& text);

/// A line with a command, in lines of at most `columns` that a shell takes as one: each but the
/// last ends in a backslash. No argument is broken, quoted or not.
[[nodiscard]] std::string continued(std::string_view line, std::size_t columns);

} // namespace oa_stream::cli
