// What the smokes read from their command lines.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/cli/command.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// http(s)://host[:port][/path] without credentials, query and trailing slash. Code::usage.
[[nodiscard]] Result<std::string> parse_base_url(std::string_view text, std::string_view option);
/// An option's time, longer than 0. Code::usage.
[[nodiscard]] Result<Millis> positive_duration(const Args& args, std::string_view option);

} // namespace oa_stream::cli
