#include "detach.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/detached_output.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_loop.hpp"
#include "oa_stream/run/suggest.hpp"

#include "core/document.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h> // NOLINT(modernize-deprecated-headers): kill, sigtimedwait
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

namespace oa_stream::cli {
namespace {

namespace fs = std::filesystem;
using run::DetachedOutput;

constexpr auto k_poll = std::chrono::milliseconds(50);
constexpr auto k_patience = std::chrono::seconds(30);
constexpr std::uint64_t k_most_output = 1U << 20U;

std::unexpected<Error> errno_error(std::string_view what) {
    return fail(Code::io, fmt::format("{}: {}", what, errno_text(errno)), names::detach);
}

int exit_of(int status) {
    constexpr int k_signalled = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : k_signalled + WTERMSIG(status);
}

/// Blocks signals that would end this process and passes them on: the run must end first, so that
/// its result can be reported.
class HeldSignals {
public:
    HeldSignals() {
        ::sigemptyset(&held_);
        for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) {
            if (!run::is_ignored(signal)) {
                ::sigaddset(&held_, signal);
            }
        }
        ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
    }
    ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    /// Waits this long for a signal and passes it on; returns whether one came.
    [[nodiscard]] bool pass_on(pid_t pid, std::chrono::milliseconds wait) const {
        const timespec time{0, std::chrono::nanoseconds(wait).count()}; // less than a second
        const int signal = ::sigtimedwait(&held_, nullptr, &time);
        if (signal > 0) {
            ::kill(pid, signal);
        }
        return signal > 0;
    }

private:
    sigset_t held_{};
    sigset_t before_{};
};

/// Reads the run's id; empty: the process ended before it had one.
std::string read_id(int pipe, const std::function<void()>& meanwhile) {
    std::string out;
    std::array<char, 256> buffer{};
    while (!out.ends_with('\n')) {
        meanwhile();
        pollfd ready{pipe, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(k_poll.count())) <= 0) {
            continue;
        }
        const ssize_t size = ::read(pipe, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return {};
        }
        out.append(buffer.data(), static_cast<std::size_t>(size));
    }
    out.pop_back();
    return out;
}

/// The run's steps have begun. A run that could not create its socket cannot be steered, but
/// continues.
bool has_begun(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / run::k_control_file, ignored) ||
           run::read_kept(folder / run::k_timeline_file).value_or("").contains(R"("event":"step")");
}

void tell_how(const std::string& run, pid_t pid, const std::string& log, Context& context) {
    const fs::path folder = context.state_dir / "runs" / run;
    if (context.json) {
        Json out = plain_answer();
        out["run"] = run;
        out["evidence"] = folder.string();
        out["process"] = pid;
        out["output"] = log;
        print_document("cutover-detach", out, context);
        return;
    }
    const auto line = [&](Suggestion command) {
        return typed_here(std::move(command), context).text();
    };
    context.out(fmt::format(
        "run {} continues in process {} without this terminal\n"
        "  follow:    {}\n"
        "  events:    tail -f {}\n"
        "  output:    {}\n"
        "  pause:     {}\n"
        "  roll back: {}\n",
        run,
        pid,
        line(run::suggest_wait(run)),
        (folder / run::k_timeline_file).string(),
        log,
        line({"cutover pause", {names::run, run}}),
        line({"cutover abort", {names::run, run}})
    ));
}

/// Runs in the old process.
ExitCode answer_for(pid_t pid, int pipe, const HeldSignals& signals, Context& context) {
    bool stopped = false;
    const auto pass_on = [&](std::chrono::milliseconds wait) {
        if (signals.pass_on(pid, wait)) {
            stopped = true;
            context.err(fmt::format("signal: passed on to process {}; waiting for its end\n", pid));
        }
        return stopped;
    };
    const std::string run = read_id(pipe, [&] { pass_on(std::chrono::milliseconds(0)); });
    ::close(pipe);
    const DetachedOutput output(context.state_dir, run.empty() ? std::to_string(pid) : run);
    std::optional<int> ended;
    if (run.empty()) {
        int status = 0;
        ::waitpid(pid, &status, 0);
        ended = exit_of(status);
    } else {
        const auto say = [&] {
            tell_text(
                fmt::format(
                    "run {} still checks whether it may begin, in process {}; its output: {}\n",
                    run,
                    pid,
                    output.log.string()
                ),
                context
            );
        };
        const fs::path folder = context.state_dir / "runs" / run;
        ended = wait_until_begun(pid, folder, k_patience, say, [&] { return pass_on(k_poll); });
    }
    if (!ended) {
        tell_how(run, pid, output.log.string(), context);
        return ExitCode::ok;
    }
    context.err(run::read_kept(output.log, k_most_output).value_or(""));
    context.out(run::read_kept(output.document).value_or("")); // empty without --json
    return static_cast<ExitCode>(*ended);
}

int create(const fs::path& file) {
    constexpr int k_flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    return ::open(file.c_str(), k_flags, 0600);
}

Result<void> leave_terminal(const DetachedOutput& output, Context& context) {
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int log = create(output.log);
    const int document = context.json ? create(output.document) : log;
    const bool good = nothing >= 0 && log >= 0 && document >= 0 && ::setsid() >= 0 &&
                      ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(document, STDOUT_FILENO) >= 0 &&
                      ::dup2(log, STDERR_FILENO) >= 0;
    context.globals.non_interactive = true;
    context.tty = context.live = context.out_tty = context.colour = context.out_colour = false;
    return good ? Result<void>{} : errno_error("cannot leave the terminal");
}

} // namespace

std::optional<int> wait_until_begun(
    pid_t pid,
    const fs::path& folder,
    std::chrono::milliseconds patience,
    const std::function<void()>& say,
    const std::function<bool()>& pause
) {
    bool stopped = false;
    auto next = std::chrono::steady_clock::now() + patience;
    while (true) {
        int status = 0;
        if (::waitpid(pid, &status, WNOHANG) == pid) {
            return exit_of(status);
        }
        if (!stopped && has_begun(folder)) {
            return std::nullopt;
        }
        if (!stopped && std::chrono::steady_clock::now() >= next) {
            next += patience;
            say();
        }
        stopped = pause();
    }
}

Result<Detached> Detached::fork(Context& context) {
    OA_CHECK(make_dirs(DetachedOutput::folder(context.state_dir)));
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return errno_error("no pipe");
    }
    Detached out;
    // Before the new process exists, so that every signal can be passed on to it.
    const HeldSignals signals;
    const pid_t pid = ::fork();
    if (pid < 0) {
        return errno_error("cannot start a process");
    }
    if (pid > 0) {
        ::close(ends[1]);
        out.answer_ = answer_for(pid, ends[0], signals, context);
        // It was printed, or has the run's name.
        const DetachedOutput unnamed(context.state_dir, std::to_string(pid));
        std::error_code ignored;
        fs::remove(unnamed.log, ignored);
        fs::remove(unnamed.document, ignored);
        return out;
    }
    ::close(ends[0]);
    out.notify_ = ends[1];
    OA_CHECK(leave_terminal(DetachedOutput(context.state_dir, std::to_string(::getpid())), context)
    );
    return out;
}

void Detached::began(const std::string& run, const Context& context) {
    const DetachedOutput unnamed(context.state_dir, std::to_string(::getpid()));
    const DetachedOutput named(context.state_dir, run);
    std::error_code ignored;
    fs::rename(unnamed.log, named.log, ignored);
    fs::rename(unnamed.document, named.document, ignored);
    const std::string line = run + "\n";
    while (::write(notify_, line.data(), line.size()) < 0 && errno == EINTR) {
    }
    ::close(std::exchange(notify_, -1));
}

} // namespace oa_stream::cli
