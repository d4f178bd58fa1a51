// `codex debug models --bundled`: the built-in model catalogue of the installed version.
#pragma once

#include "codex_home.hpp"

#include <string>

namespace oa_stream::authority {

/// Its output. Errors: Code::unavailable when the program is not there or fails, Code::timeout,
/// Code::too_large.
[[nodiscard]] Task<Result<std::string>> read_builtin_models(
    std::filesystem::path program, std::map<std::string, std::string> env, Millis deadline
);

} // namespace oa_stream::authority
