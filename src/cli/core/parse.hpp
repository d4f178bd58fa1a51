// Parses a command line into a command and its arguments. CLI11 only splits it; interpretation and
// messages are ours.
#pragma once

#include "command.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

struct Invocation {
    const CommandSpec* command = nullptr; ///< unset: overview or --version was requested
    std::string family{}; ///< a family of commands, like "smoke", whose help was requested
    bool help = false;
    bool version = false;
    Args args{};
    Args globals{};
};

/// A topic of help and manual: a command, or a family of commands.
struct Topic {
    const CommandSpec* command = nullptr;
    std::string family{};
};
/// Finds the topic that all of `words` name. Code::usage with the nearest one otherwise.
[[nodiscard]] Result<Topic> find_topic(std::span<const std::string> words);
/// True for a word that begins several commands' paths.
[[nodiscard]] bool is_family(std::string_view word);

/// `words`: without the program's name. Errors: Code::usage, one line with the nearest spelling.
[[nodiscard]] Result<Invocation> parse_command_line(std::span<const std::string> words);

} // namespace oa_stream::cli
