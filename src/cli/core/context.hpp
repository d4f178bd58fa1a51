// The real outside: streams, environment, terminal.
#pragma once

#include "parse.hpp"

namespace oa_stream::cli {

/// Errors: Code::usage for a bad --color.
[[nodiscard]] Result<Context> real_context(const Invocation& invocation, int argc, char** argv);

/// Columns of the terminal behind stderr; 80 where there is none, or none that could be read.
[[nodiscard]] int terminal_width();
/// The same of the terminal behind stdout.
[[nodiscard]] int page_width();

/// A result onto stdout. One thread at a time.
void write_result(std::string_view text);
/// Whether stdout took all results. Errors: Code::io, with the system's words.
[[nodiscard]] Result<void> results_written();

/// Context::state_words for this state directory.
[[nodiscard]] std::vector<std::string> state_words(const std::filesystem::path& used);

/// An environment variable that is set and not empty.
[[nodiscard]] std::optional<std::string> real_environment(std::string_view name);

} // namespace oa_stream::cli
