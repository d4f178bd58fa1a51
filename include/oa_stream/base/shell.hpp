// Words and commands that are typed into a shell.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream {

/// `word` as a POSIX shell takes it for one word: as it is when nothing in it is special, else in
/// single quotes.
[[nodiscard]] std::string shell_word(std::string_view word);

/// What shows a file to a person.
[[nodiscard]] std::string less_command(const std::filesystem::path& file);

/// A command of this program that somebody should type next.
struct Suggestion {
    std::string command;                  ///< "route restore"
    std::vector<std::string> arguments{}; ///< as the program is to get them, not quoted

    /// The whole line for a POSIX shell, each argument quoted where it must be. Where it is
    /// printed, the room cli adds the state directory.
    [[nodiscard]] std::string text() const;
};

/// One line that carries out all of them, until one fails.
[[nodiscard]] std::string text_of_all(const std::vector<Suggestion>& suggestions);

} // namespace oa_stream
