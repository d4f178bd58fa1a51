// The documents that the command driver's programs read and write; documented in
// docs/command-driver.md. Private to the room.
#pragma once

#include "oa_stream/traffic/driver.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic {

inline constexpr std::string_view k_command_schema = "oa-stream.command-driver.v1";

// Exit codes for a refusal. They differ from those of shells, curl and the like: an accidental
// failure must never look like a promise that nothing was written.
inline constexpr int k_exit_refused = 110;
inline constexpr int k_exit_conflict = 111;
inline constexpr int k_exit_credentials = 112;

/// The document that every call gets on stdin.
[[nodiscard]] Json command_request(
    std::string_view call, std::string_view endpoint, const std::vector<std::string>& revisions
);

/// A request's target for programs that do not parse JSON: "canary=5 stable=95". Empty without a
/// target, and when a name would be ambiguous in it.
[[nodiscard]] std::string plain_target(const Json& request);

struct CommandRead {
    TrafficState state;
    bool exact_split = false;
    std::vector<std::string> not_ready{};
    std::map<std::string, std::string, std::less<>> urls{};
};

/// Strict: an unknown member is an error that names the nearest one. Code::protocol. Without an
/// etag one is derived from the setting.
[[nodiscard]] Result<CommandRead> parse_command_read(std::string_view text);

} // namespace oa_stream::traffic
