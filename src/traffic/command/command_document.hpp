// What the command driver's programs read and write. docs/command-driver.md says it for people.
// Private to the room.
#pragma once

#include "oa_stream/traffic/driver.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic {

inline constexpr std::string_view k_command_schema = "oa-stream.command-driver.v1";

// How a program says no. Out of the way of shells, curl and the like: a program that fails by
// accident must never seem to have promised that nothing was written.
inline constexpr int k_exit_refused = 110;
inline constexpr int k_exit_conflict = 111;
inline constexpr int k_exit_credentials = 112;

/// What every call gets on stdin.
[[nodiscard]] Json command_request(
    std::string_view call, std::string_view endpoint, const std::vector<std::string>& revisions
);

/// The target of a request for programs that would rather not parse JSON: "canary=5 stable=95".
/// Empty without one, and when a name would be ambiguous in it.
[[nodiscard]] std::string plain_target(const Json& request);

struct CommandRead {
    TrafficState state;
    bool exact_split = false;
    std::vector<std::string> not_ready{};
    std::map<std::string, std::string, std::less<>> urls{};
};

/// Strict: an unknown member is an error with the nearest name. Code::protocol. Without an etag one
/// is made of the setting.
[[nodiscard]] Result<CommandRead> parse_command_read(std::string_view text);

} // namespace oa_stream::traffic
