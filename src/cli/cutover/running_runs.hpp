// The run that is meant when none is named.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>

namespace oa_stream::cli {

/// Folder of the one run under way that moves traffic. Code::usage with their names when there is
/// none or more than one.
[[nodiscard]] Result<std::filesystem::path> only_running(const std::filesystem::path& state_dir);

} // namespace oa_stream::cli
