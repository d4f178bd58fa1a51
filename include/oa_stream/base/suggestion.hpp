// A command of this program that somebody should type next.
#pragma once

#include <string>
#include <vector>

namespace oa_stream {

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
