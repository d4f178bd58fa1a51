// `codex debug models --bundled`: the built-in model catalogue of the installed version.
#pragma once

#include "codex_home.hpp"

#include <string>

namespace oa_stream::authority {

/// The output of the command. Errors: Code::unavailable when the program is missing or fails,
/// Code::timeout, Code::too_large.
[[nodiscard]] Task<Result<std::string>> read_builtin_models(
    std::filesystem::path program, std::map<std::string, std::string> env, Millis deadline
);

} // namespace oa_stream::authority
