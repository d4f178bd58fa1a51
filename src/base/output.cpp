#include "oa_stream/base/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>

namespace oa_stream {

namespace {

using Until = std::chrono::steady_clock::time_point;
/// A reader that is only busy is through by then.
constexpr std::chrono::milliseconds k_stderr_wait{1000};
std::atomic<bool> serves{false};
/// Standard error opened once more: only this process does not wait for it. -1: it is a file or a
/// socket, or could not be.
std::atomic<int> own{-1};
std::atomic<bool> is_socket{false};
std::atomic<bool> stalled{false}; ///< it took no text in time
std::atomic<bool> torn{false};    ///< it took the beginning of one

ssize_t put(std::string_view text) noexcept {
    return is_socket ? ::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                     : ::write(own >= 0 ? own.load() : STDERR_FILENO, text.data(), text.size());
}

/// False: not by then. A terminal may say that there is room and take nothing.
bool wait_for_room(Until until) noexcept {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(until - Until::clock::now()).count();
    if (left <= 0) {
        return false;
    }
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    const int seen = ::poll(&ready, 1, static_cast<int>(left));
    return seen > 0 || (seen < 0 && errno == EINTR);
}

/// How much of it was taken.
std::size_t put_in_time(std::string_view text) noexcept {
    const Until until = Until::clock::now() + (stalled ? k_stderr_wait * 0 : k_stderr_wait);
    std::size_t taken = 0;
    while (taken < text.size()) {
        const auto wrote = put(text.substr(taken));
        if (wrote > 0) {
            taken += static_cast<std::size_t>(wrote);
        } else if (wrote == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for_room(until)) {
                break;
            }
        } else if (errno != EINTR) {
            break;
        }
    }
    stalled = taken < text.size();
    return taken;
}

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
    struct stat seen{};
    const bool known = ::fstat(STDERR_FILENO, &seen) == 0;
    is_socket = known && S_ISSOCK(seen.st_mode);
    if (known &&
        (S_ISFIFO(seen.st_mode) || S_ISCHR(seen.st_mode))) { // a file has a place of its own
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
        own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    serves = true;
}

void wait_for_stderr_again() noexcept {
    stalled = false;
}

bool write_diagnostic(std::string_view text) noexcept {
    if (!serves) {
        return write_all(STDERR_FILENO, text) == 0;
    }
    if (torn && put_in_time("\n") == 0) {
        return false;
    }
    const std::size_t taken = put_in_time(text);
    torn = taken > 0 && taken < text.size();
    return taken == text.size();
}

} // namespace oa_stream
