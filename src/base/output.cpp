#include "oa_stream/base/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace oa_stream {

namespace {

/// open() returns the lowest free number; a standard descriptor that is closed is the lowest free
/// one when those below it are held.
void hold(int descriptor, int flags) noexcept {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
        (void)::open("/dev/null", flags); // NOLINT(cppcoreguidelines-pro-type-vararg)
    }
}

} // namespace

void hold_standard_streams() noexcept {
    hold(STDIN_FILENO, O_WRONLY);  // reading it still fails
    hold(STDOUT_FILENO, O_RDONLY); // writing it still fails
    hold(STDERR_FILENO, O_WRONLY);
    (void)std::signal(SIGPIPE, SIG_IGN);
}

int write_all(int descriptor, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto wrote = ::write(descriptor, bytes.data(), bytes.size());
        if (wrote >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(wrote));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            pollfd ready{descriptor, POLLOUT, 0}; // somebody made the shared pipe non-blocking
            (void)::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

void write_diagnostic(std::string_view text) noexcept {
    (void)write_all(STDERR_FILENO, text);
}

} // namespace oa_stream
