#include "launch.hpp"

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/lines.hpp"

#include <fmt/format.h>

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace oa_stream {

namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    out.reserve(strings.size() + 1);
    for (std::string& text : strings) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void report_and_exit(int fd) {
    const int number = errno;
    [[maybe_unused]] const auto wrote = ::write(fd, &number, sizeof number);
    ::_exit(127);
}

/// Also what was open when we were started: a secret that was given as fd:N is for us alone.
void close_on_exec() {
    constexpr int k_first = STDERR_FILENO + 1;
    if (::close_range(k_first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
    constexpr int k_below = 1024; // a shell's; RLIMIT_NOFILE may be 10^9
    for (int fd = k_first; fd < k_below; ++fd) { // Linux before 5.11
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

[[noreturn]] void become(const Launch& launch, char* const* args, char* const* env) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launch.parent) { // the parent died before the line above took hold
        ::_exit(127);
    }
    sigset_t none;
    ::sigemptyset(&none);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread after fork
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
        ::signal(number, SIG_DFL); // NOLINT(concurrency-mt-unsafe): one thread after fork
    }
    if (::dup2(launch.in, 0) < 0 || ::dup2(launch.out, 1) < 0 || ::dup2(launch.err, 2) < 0 ||
        (!launch.cwd.empty() && ::chdir(launch.cwd.c_str()) != 0)) {
        report_and_exit(launch.report);
    }
    close_on_exec();
    ::execve(launch.program.c_str(), args, env);
    report_and_exit(launch.report);
}

} // namespace

std::string find_program(const std::string& name) {
    if (name.contains('/')) {
        return name;
    }
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nothing sets it
    std::string_view rest =
        path == nullptr ? std::string_view("/usr/bin:/bin") : std::string_view(path);
    while (!rest.empty()) {
        const std::string candidate = fmt::format("{}/{}", cut_until(rest, ':'), name);
        std::error_code none;
        if (::access(candidate.c_str(), X_OK) == 0 &&
            std::filesystem::is_regular_file(candidate, none)) { // not a folder of that name
            return candidate;
        }
    }
    return {};
}

Result<pid_t> fork_and_exec(Launch& launch, Pipe& report) {
    launch.args.insert(launch.args.begin(), launch.program);
    const auto args = pointers(launch.args);
    const auto env = pointers(launch.env);
    launch.report = report.write;
    launch.parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return fail(
            Code::io, fmt::format("cannot start {}: {}", launch.program, errno_text(errno))
        );
    }
    if (pid == 0) {
        become(launch, args.data(), env.data());
    }
    Pipe::close_end(report.write);
    int number = 0;
    ssize_t got = 0;
    do {
        got = ::read(report.read, &number, sizeof number);
    } while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof number)) {
        ::waitpid(pid, nullptr, 0);
        return fail(
            Code::unavailable,
            fmt::format("cannot start {}: {}", launch.program, errno_text(number))
        );
    }
    return pid;
}

} // namespace oa_stream
