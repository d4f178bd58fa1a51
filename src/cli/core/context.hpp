// The real environment of commands: streams, variables, terminal.
#pragma once

#include "parse.hpp"

namespace oa_stream::cli {

/// Errors: Code::usage for a bad --color.
[[nodiscard]] Result<Context> real_context(const Invocation& invocation, int argc, char** argv);

/// Columns of the terminal on stderr; 80 when there is none or they are unknown.
[[nodiscard]] int terminal_width();
/// The same for the terminal on stdout.
[[nodiscard]] int page_width();

/// Writes a result to stdout. Not thread-safe.
void write_result(std::string_view text);
/// Whether stdout accepted all results. Errors: Code::io, with the system's message.
[[nodiscard]] Result<void> results_written();

/// Context::state_words for this state directory.
[[nodiscard]] std::vector<std::string> state_words(const std::filesystem::path& used);

/// An environment variable's value, if it is set and not empty.
[[nodiscard]] std::optional<std::string> real_environment(std::string_view name);

} // namespace oa_stream::cli
