// What the smokes read from their command lines.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/cli/command.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// http(s)://host[:port][/path] without credentials, query and trailing slash. Code::usage.
[[nodiscard]] Result<std::string> parse_base_url(std::string_view text, std::string_view option);
/// An option's time, longer than 0. Code::usage.
[[nodiscard]] Result<Millis> positive_duration(const Args& args, std::string_view option);
/// --base-url, --auth, --connect-to and the compatibility options, as far as the command has them.
/// Code::usage; without --base-url it asks "which `what`?" and shows `example`; Code::credentials.
[[nodiscard]] Result<probe::Target>
parse_target(const Args& args, std::string_view what, std::string_view example);
/// --connect-timeout, --first-byte, --stall and --timeout. Code::usage.
[[nodiscard]] Result<probe::ProbeLimits> parse_limits(const Args& args);

} // namespace oa_stream::cli
