// What the system gives this process, and what it says of others, this machine and its users.
// Thread-safe.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace oa_stream {

/// A file descriptor with one owner.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// As many descriptors as the hard limit allows: the usual soft limit of 1024 is less than a lane's
/// streams or a load's requests need.
void raise_descriptor_limit() noexcept;

/// A function of a shared library that is loaded when the first one of it is asked for: some take
/// longer to load than most commands run. Without the library, or the function, the process ends as
/// the system's loader ends one whose libraries are not there: one line, which names the Debian
/// package, and exit code 127.
[[nodiscard]] void* late_symbol(const char* library, const char* name, const char* package);
/// The body of a stand-in for `function` that hands on to the library's own: found once, then
/// returned to be called.
#define OA_LATE_CALL(library, package, function)                                                   \
    static auto* const call = reinterpret_cast<decltype(function)*>(                               \
        ::oa_stream::late_symbol(library, #function, package)                                      \
    );                                                                                             \
    return call

struct ProcessState {
    char state = '?'; ///< 'T': stopped (Ctrl-Z or SIGSTOP), it gets no signal but SIGKILL
    std::int64_t start = 0; ///< clock ticks since boot; with the pid it names one process
};

/// As proc(5) says it; nullopt: there is no such process, or its entry cannot be read.
[[nodiscard]] std::optional<ProcessState> process_state(std::int64_t pid);

/// By Ctrl-Z or SIGSTOP: it does nothing until somebody continues it.
[[nodiscard]] bool is_stopped(std::int64_t pid);

/// As gethostname(2) says it, at most 255 bytes; "unknown" when it does not.
[[nodiscard]] std::string host_name();

/// Nothing for a user that the machine has no name for (containers).
[[nodiscard]] std::optional<std::string> user_name(uid_t user);
/// … and then "uid 1000".
[[nodiscard]] std::string account_name(uid_t user);
/// The home folder as the machine's list of users has it; nothing likewise.
[[nodiscard]] std::optional<std::string> user_home(uid_t user);

} // namespace oa_stream
