// What the smokes read from their command lines.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include "core/command.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

// Rows of the option tables of whatever sends requests to a lane.
inline constexpr OptionSpec k_target_build{
    "--compat-build", "ID", "Sent as x-oa-client-build-id.", "20260221T130000Z"
};
inline constexpr OptionSpec k_target_protocol{
    "--compat-protocol", "NAME", "Sent as x-oa-protocol-version.", "openagents.control.v1"
};
inline constexpr OptionSpec k_target_schema{
    "--compat-schema", "N", "Sent as x-oa-schema-version.", "1"
};
inline constexpr OptionSpec k_target_no_compat{"--no-compat", "", "Send no compatibility headers."};
inline constexpr OptionSpec k_target_connect_to{
    "--connect-to", "HOST:PORT", "Really connect there; the URL's host stays in Host."
};
inline constexpr OptionSpec k_limit_connect{"--connect-timeout", "D", "Limit on connecting.", "5s"};
inline constexpr OptionSpec k_limit_first_byte{
    "--first-byte", "D", "Limit on the response head.", "15s"
};
inline constexpr OptionSpec k_limit_stall{
    "--stall", "D", "Limit on silence within an answer.", "15s"
};
inline constexpr OptionSpec k_limit_total{"--timeout", "D", "Limit on a whole answer.", "3m"};

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
