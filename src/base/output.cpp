#include "oa_stream/base/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace oa_stream {

namespace {

constexpr int k_stderr_wait_ms = 1000; ///< a reader that is only busy is through by then
std::atomic<bool> serves{false};

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

void never_wait_for_stderr() noexcept {
    serves = true;
}

bool stderr_is_ready() noexcept {
    static std::atomic<bool> stalled{false};
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    stalled = ::poll(&ready, 1, stalled ? 0 : k_stderr_wait_ms) == 0;
    return !stalled;
}

void write_diagnostic(std::string_view text) noexcept {
    if (!serves || stderr_is_ready()) {
        (void)write_all(STDERR_FILENO, text);
    }
}

} // namespace oa_stream
