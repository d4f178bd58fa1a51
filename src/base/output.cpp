#include "oa_stream/base/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>

namespace oa_stream {

namespace {

using Until = std::chrono::steady_clock::time_point;
/// A reader that is only busy is through by then.
constexpr std::chrono::milliseconds k_stderr_wait{1000};
/// One that is slow costs a hundredth of the time: it frees room again and again.
constexpr int k_share = 100;
std::atomic<bool> serves{false};
std::atomic<bool> stalled{false};  ///< standard error took no text in time
std::atomic<Until> made_up{};      ///< when its waits so far are k_share of the time
std::atomic<bool> mid_line{false}; ///< what it took last did not end its line
std::atomic<bool> torn{false};     ///< a text was lost in mid-line
std::atomic<bool> lost{false};     ///< it did not take all of one since somebody asked

/// A standard stream for which only this process does not wait.
class UnwaitedStream {
public:
    constexpr explicit UnwaitedStream(int descriptor) noexcept : descriptor_(descriptor) {}

    /// Opens a pipe or terminal once more: with O_NONBLOCK on the present descriptor nobody who
    /// shares it would wait either. A file has a position of its own and stays.
    void open() noexcept {
        struct stat seen{};
        const bool known = ::fstat(descriptor_, &seen) == 0;
        is_socket_ = known && S_ISSOCK(seen.st_mode);
        if (known && own_ < 0 && (S_ISFIFO(seen.st_mode) || S_ISCHR(seen.st_mode))) {
            const char* name = descriptor_ == STDERR_FILENO ? "/proc/self/fd/2" : "/proc/self/fd/1";
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
            own_ = ::open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        }
    }
    /// What the descriptor stands for may be another stream by the next open().
    void close() noexcept {
        if (const int own = own_.exchange(-1); own >= 0) {
            (void)::close(own);
        }
    }
    /// As write(2).
    ssize_t put(std::string_view text) noexcept {
        return is_socket_
                   ? ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                   : ::write(own_ >= 0 ? own_.load() : descriptor_, text.data(), text.size());
    }

private:
    int descriptor_;
    std::atomic<int> own_{-1}; ///< -1: it is a file or a socket, or could not be opened
    std::atomic<bool> is_socket_{false};
};

UnwaitedStream error_stream{STDERR_FILENO};
UnwaitedStream result_stream{STDOUT_FILENO};

/// False: not by then. A terminal may say that there is room and take nothing.
bool wait_for_room(Until until) noexcept {
    const Until now = Until::clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (left.count() <= 0) {
        return false;
    }
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    const int seen = ::poll(&ready, 1, static_cast<int>(left.count()));
    const bool retry = seen > 0 || (seen < 0 && errno == EINTR);
    const auto waited = std::min<Until::duration>(Until::clock::now() - now, left);
    made_up = std::max(made_up.load(), now) + waited * k_share;
    return retry;
}

/// Until when a text that comes now may wait.
Until patience(Until now) noexcept {
    const auto waited = std::max(made_up.load() - now, Until::duration::zero()) / k_share;
    return stalled ? now : now + k_stderr_wait - waited;
}

/// How much of it was taken.
std::size_t put_in_time(std::string_view text) noexcept {
    const Until until = patience(Until::clock::now());
    std::size_t taken = 0;
    while (taken < text.size()) {
        const auto wrote = error_stream.put(text.substr(taken));
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

/// How much of it was taken.
std::size_t put_diagnostic(std::string_view text) noexcept {
    if (serves) {
        return put_in_time(text);
    }
    return write_all(STDERR_FILENO, text) == 0 ? text.size() : 0;
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
    hold(STDIN_FILENO, O_WRONLY); // reading it still fails
    hold(STDOUT_FILENO, O_RDONLY); // writing it still fails
    hold(STDERR_FILENO, O_WRONLY);
    for (const int number : {SIGPIPE, SIGXFSZ}) { // EPIPE and EFBIG are errors like any other
        (void)std::signal(number, SIG_IGN);
    }
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
    error_stream.open();
    serves = true;
}

UnwaitedStderr::UnwaitedStderr() noexcept {
    never_wait_for_stderr();
}

UnwaitedStderr::~UnwaitedStderr() {
    serves = false;
    wait_for_stderr_again();
    error_stream.close();
}

bool take_lost_diagnostics() noexcept {
    return lost.exchange(false);
}

Written write_stdout_at_once(std::string_view bytes) noexcept {
    result_stream.open();
    Written out;
    while (out.taken < bytes.size()) {
        const auto wrote = result_stream.put(bytes.substr(out.taken));
        if (wrote > 0) {
            out.taken += static_cast<std::size_t>(wrote);
        } else if (wrote == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            out.error = errno;
            break;
        }
    }
    return out;
}

void wait_for_stderr_again() noexcept {
    stalled = false;
    made_up = Until{};
}

bool write_diagnostic(std::string_view text) noexcept {
    if (torn && put_diagnostic("\n") == 0) {
        lost = true;
        return false;
    }
    mid_line = mid_line && !torn;
    const std::size_t taken = put_diagnostic(text);
    if (taken > 0) {
        mid_line = text[taken - 1] != '\n';
    }
    const bool whole = taken == text.size();
    torn = !whole && mid_line;
    lost = lost || !whole;
    return whole;
}

} // namespace oa_stream
