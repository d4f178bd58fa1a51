// Words that are typed into a shell.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream {

/// `word` as a POSIX shell takes it for one word: as it is when nothing in it is special, else in
/// single quotes.
[[nodiscard]] std::string shell_word(std::string_view word);

/// What shows a file to a person.
[[nodiscard]] std::string less_command(const std::filesystem::path& file);

} // namespace oa_stream
