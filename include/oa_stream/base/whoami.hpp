// Names of this machine and of its users, for what is said to people. Thread-safe.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace oa_stream {

/// As gethostname(2) says it, at most 255 bytes; "unknown" when it does not.
[[nodiscard]] std::string host_name();

/// Nothing for a user that the machine has no name for (containers).
[[nodiscard]] std::optional<std::string> user_name(uid_t user);

} // namespace oa_stream
