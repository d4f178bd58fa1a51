// What the system says of processes, this machine and its users. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream {

/// As many descriptors as the hard limit allows: the usual soft limit of 1024 is less than a lane's
/// streams or a load's requests need.
void raise_descriptor_limit() noexcept;

struct ProcessState {
    char state = '?'; ///< 'T': stopped (Ctrl-Z or SIGSTOP), it gets no signal but SIGKILL
    std::int64_t start = 0; ///< clock ticks since boot; with the pid it names one process
};

/// As proc(5) says it; nullopt: there is no such process, or its entry cannot be read.
[[nodiscard]] std::optional<ProcessState> process_state(std::int64_t pid);

/// As gethostname(2) says it, at most 255 bytes; "unknown" when it does not.
[[nodiscard]] std::string host_name();

/// Nothing for a user that the machine has no name for (containers).
[[nodiscard]] std::optional<std::string> user_name(uid_t user);

} // namespace oa_stream
