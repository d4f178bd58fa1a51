#include "oa_stream/run/signal_echo.hpp"

#include <fcntl.h>
#include <signal.h> // NOLINT(modernize-deprecated-headers): SIGQUIT
#include <unistd.h>

namespace oa_stream::run {
namespace {

/// Whether a person at the controlling terminal may have typed it: only the group in front gets
/// what its keys send. `timeout` and a service manager's child are never in front.
bool is_typed(int number) {
    if (number != SIGINT && number != SIGQUIT) {
        return false;
    }
    const int terminal = ::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) {
        return false;
    }
    const bool in_front = ::tcgetpgrp(terminal) == ::getpgrp();
    ::close(terminal);
    return in_front;
}

} // namespace

bool SignalEcho::repeats(int number) {
    const auto now = Clock::now();
    if (number == first_ && now - at_ < k_echo && !is_typed(number)) {
        return true;
    }
    first_ = number;
    at_ = now;
    return false;
}

} // namespace oa_stream::run
