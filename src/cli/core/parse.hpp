// Command line → command and arguments. CLI11 does the splitting; meaning and messages are ours.
#pragma once

#include "command.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

struct Invocation {
    const CommandSpec* command = nullptr; ///< unset: overview or --version asked
    bool help = false;
    bool version = false;
    Args args{};
    Args globals{};
};

/// `words` without the program's name. Errors: Code::usage, one line with the nearest spelling.
[[nodiscard]] Result<Invocation> parse_command_line(std::span<const std::string> words);

} // namespace oa_stream::cli
