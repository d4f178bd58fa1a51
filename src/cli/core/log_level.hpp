// How much serve tells on stderr.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string_view>

namespace oa_stream::cli {

enum class LogLevel { debug, info, warn, error };

/// The word alone; surrounding white space (a file's last newline) is ignored. Code::config.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);
/// Whether a line that calls itself `level` is told; one of no known level is.
[[nodiscard]] bool is_told(LogLevel least, std::string_view level) noexcept;
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

} // namespace oa_stream::cli
