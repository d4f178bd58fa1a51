// Standard error of a process that serves others: whoever reads it may stop.
#include "oa_stream/base/output.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

using namespace oa_stream;

namespace {

constexpr int k_lines = 4000; ///< more than each of these takes unread
constexpr unsigned k_longest_s = 20;

struct Ends {
    int read = -1;
    int write = -1;
};

Ends pipe_ends() {
    std::array<int, 2> both{};
    REQUIRE(::pipe2(both.data(), O_CLOEXEC) == 0);
    return {both[0], both[1]};
}

Ends socket_ends() {
    std::array<int, 2> both{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) == 0);
    return {both[0], both[1]};
}

Ends terminal_ends() {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(master >= 0);
    REQUIRE(::grantpt(master) == 0);
    REQUIRE(::unlockpt(master) == 0);
    const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave >= 0);
    return {master, slave};
}

std::string line_of(int number) {
    return fmt::format("line {:0150}.\n", number);
}

/// Signals come all the time; each of them ends a wait.
void interrupt_often() {
    (void)std::signal(SIGUSR1, [](int /*number*/) {});
    (void)std::signal(SIGALRM, [](int /*number*/) {});
    const itimerval often{{0, 70'000}, {0, 70'000}};
    (void)::setitimer(ITIMER_REAL, &often, nullptr);
}

/// In a process of its own: writes, and answers how many lines were taken by what it tells `to`.
[[noreturn]] void serve(int error, int told) {
    (void)::dup2(error, STDERR_FILENO);
    (void)std::signal(SIGPIPE, SIG_IGN);
    interrupt_often();
    never_wait_for_stderr();
    int taken = 0;
    for (int i = 0; i < k_lines; ++i) {
        taken += write_diagnostic(line_of(i)) ? 1 : 0;
    }
    (void)::write(told, &taken, sizeof taken);
    std::array<char, 1> go{};
    (void)::read(told, go.data(), go.size()); // until there is room again
    const bool again = write_diagnostic(line_of(k_lines));
    ::_exit(again ? 0 : 1);
}

/// What stands there now, and what comes within a moment.
std::string drained(int descriptor, int wait_ms) {
    std::string out;
    std::array<char, 65536> piece{};
    for (pollfd ready{descriptor, POLLIN, 0}; ::poll(&ready, 1, wait_ms) > 0;) {
        const auto got = ::read(descriptor, piece.data(), piece.size());
        if (got <= 0) {
            break;
        }
        out.append(piece.data(), static_cast<std::size_t>(got));
    }
    std::erase(out, '\r');
    return out;
}

} // namespace

TEST_CASE("output: who serves goes on when nobody reads standard error, and knows what was lost") {
    struct Kind {
        const char* name;
        Ends (*open)();
    };
    const Kind kind =
        GENERATE(values<Kind>({{"pipe", pipe_ends}, {"socket", socket_ends}, {"pty", terminal_ends}}
        ));
    CAPTURE(kind.name);
    const Ends error = kind.open();
    const Ends told = socket_ends();
    const pid_t child = ::fork();
    if (child == 0) {
        serve(error.write, told.write);
    }
    pollfd answer{told.read, POLLIN, 0};
    const bool went_on = ::poll(&answer, 1, int{k_longest_s} * 1000) > 0;
    CHECK(went_on);
    if (!went_on) {
        (void)::kill(child, SIGKILL);
    }
    int taken = 0;
    (void)::recv(told.read, &taken, sizeof taken, MSG_DONTWAIT);
    std::string text = drained(error.read, 200);
    (void)::send(told.read, "g", 1, MSG_NOSIGNAL);
    text += drained(error.read, 1000);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(taken > 0);
    CHECK(taken < k_lines);
    int whole = 0;
    for (int i = 0; i <= k_lines; ++i) {
        whole += text.find(line_of(i)) != std::string::npos ? 1 : 0;
    }
    // One that lacked its end alone counts as lost, and the next one brought the end.
    CHECK(whole >= taken + 1);
    CHECK(whole <= taken + 2);
    CHECK(text.ends_with('\n' + line_of(k_lines)));
    for (const int end : {error.read, error.write, told.read, told.write}) {
        (void)::close(end);
    }
}

TEST_CASE("output: who serves does not wait for each line that a slow reader takes") {
    const Ends error = pipe_ends();
    const Ends told = socket_ends();
    const pid_t child = ::fork();
    if (child == 0) {
        serve(error.write, told.write);
    }
    // At this speed it would take all of them in more than six seconds.
    pollfd answer{told.read, POLLIN, 0};
    std::array<char, 4096> page{};
    int looks = int{k_longest_s} * 20;
    for (; looks > 0 && ::poll(&answer, 1, 50) == 0; --looks) {
        pollfd ready{error.read, POLLIN, 0};
        if (::poll(&ready, 1, 0) > 0) {
            (void)::read(error.read, page.data(), page.size());
        }
    }
    CHECK(looks > 0);
    int taken = 0;
    (void)::recv(told.read, &taken, sizeof taken, MSG_DONTWAIT);
    CHECK(taken > 0);
    CHECK(taken < k_lines); // those that were not lost were waited for
    (void)drained(error.read, 0);
    (void)::send(told.read, "g", 1, MSG_NOSIGNAL);
    if (looks == 0) {
        (void)::kill(child, SIGKILL);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    for (const int end : {error.read, error.write, told.read, told.write}) {
        (void)::close(end);
    }
}
