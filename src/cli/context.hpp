// The real outside: streams, environment, terminal.
#pragma once

#include "parse.hpp"

namespace oa_stream::cli {

/// Errors: Code::usage for a bad --color.
[[nodiscard]] Result<Context> real_context(const Invocation& invocation, int argc, char** argv);

} // namespace oa_stream::cli
