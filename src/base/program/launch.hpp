// How a program is started: from fork to exec. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream {

/// Both ends of a pipe, close-on-exec; closed on destruction unless taken.
struct Pipe {
    int read = -1;
    int write = -1;
    Pipe() = default;
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(read);
        close_end(write);
    }
    static void close_end(int& fd) {
        if (fd >= 0) {
            ::close(std::exchange(fd, -1));
        }
    }
    [[nodiscard]] bool open() {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return false;
        }
        read = ends[0];
        write = ends[1];
        return true;
    }
};

/// Everything the child needs between fork and exec, prepared before: only async-signal-safe calls
/// are allowed there.
struct Launch {
    std::string program;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd;
    int in = -1;
    int out = -1;
    int err = -1;
    int report = -1; ///< errno of a failed start goes here; closed by a successful exec
    pid_t parent = 0;
};

/// Code::unavailable when the program cannot be executed; its errno comes through `report`.
[[nodiscard]] Result<pid_t> fork_and_exec(Launch& launch, Pipe& report);

} // namespace oa_stream
