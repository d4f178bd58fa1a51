// Command line → command and arguments. CLI11 does the splitting; meaning and messages are ours.
#pragma once

#include "command.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

struct Invocation {
    const CommandSpec* command = nullptr; ///< unset: overview or --version asked
    std::string family{}; ///< of several commands, like "smoke", whose help is asked
    bool help = false;
    bool version = false;
    Args args{};
    Args globals{};
};

/// What help and manual can be asked about: a command, or a family of them.
struct Topic {
    const CommandSpec* command = nullptr;
    std::string family{};
};
/// All of `words` name one topic. Code::usage with the nearest one otherwise.
[[nodiscard]] Result<Topic> find_topic(std::span<const std::string> words);
/// True for a word that begins the paths of several commands.
[[nodiscard]] bool is_family(std::string_view word);

/// `words` without the program's name. Errors: Code::usage, one line with the nearest spelling.
[[nodiscard]] Result<Invocation> parse_command_line(std::span<const std::string> words);

} // namespace oa_stream::cli
