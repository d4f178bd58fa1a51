#include "oa_stream/base/child.hpp"

#include "program/child_groups.hpp"
#include "program/launch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace oa_stream {

namespace {

constexpr std::size_t k_read_size = 64U << 10U;
constexpr auto k_as_tuple = asio::as_tuple(asio::use_awaitable);

class PosixChild final : public Child {
public:
    /// The buffer stays and is never zeroed: most reads fill a few hundred bytes of it.
    struct Output {
        explicit Output(const asio::any_io_executor& executor) : pipe(executor) {}
        asio::posix::stream_descriptor pipe;
        int unwatched = -1; ///< the pipe during a pause
        // NOLINTNEXTLINE(modernize-avoid-c-arrays): a vector zeroes
        std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(k_read_size);
    };
    struct State {
        explicit State(const asio::any_io_executor& executor)
            : in(executor), pidfd(executor), out(executor), err(executor), ended(executor) {
            ended.expires_at(Clock::time_point::max());
        }
        asio::posix::stream_descriptor in, pidfd;
        Output out, err;
        asio::steady_timer ended; ///< cancelled when the child was reaped: wakes every waiter
        pid_t pid = -1;
        std::optional<ChildExit> exit{};
    };

    explicit PosixChild(std::shared_ptr<State> state) : state_(std::move(state)) {}
    PosixChild(const PosixChild&) = delete;
    PosixChild& operator=(const PosixChild&) = delete;
    // NOLINTNEXTLINE(bugprone-exception-escape): cancelling a timer is only declared to throw
    ~PosixChild() override {
        if (!state_->exit) {
            ::kill(-state_->pid, SIGKILL);
            reap(*state_, true);
        }
        boost::system::error_code ignored;
        for (auto* descriptor :
             {&state_->in, &state_->out.pipe, &state_->err.pipe, &state_->pidfd}) {
            descriptor->close(ignored);
        }
        Pipe::close_end(state_->out.unwatched);
    }

    [[nodiscard]] int pid() const noexcept override { return state_->pid; }
    [[nodiscard]] Task<Result<std::string>> read_stdout() override {
        return read(state_, &State::out);
    }
    [[nodiscard]] Task<Result<std::string>> read_stdout_after(Millis pause) override {
        return read_after(state_, pause);
    }
    [[nodiscard]] Task<Result<std::string>> read_stderr() override {
        return read(state_, &State::err);
    }
    [[nodiscard]] Task<Result<void>> write_stdin(std::string bytes) override {
        return write(state_, std::move(bytes));
    }
    void close_stdin() override {
        boost::system::error_code ignored;
        state_->in.close(ignored);
    }
    [[nodiscard]] Task<ChildExit> wait() override { return wait_for(state_); }
    [[nodiscard]] std::optional<ChildExit> exited() const noexcept override { return state_->exit; }
    void signal(int number) noexcept override {
        if (!state_->exit) {
            ::kill(-state_->pid, number);
        }
    }
    [[nodiscard]] Task<ChildExit> stop(Millis grace) override { return stop_state(state_, grace); }

    static void reap(State& state, bool block) {
        int status = 0;
        if (state.exit || ::waitpid(state.pid, &status, block ? 0 : WNOHANG) != state.pid) {
            return;
        }
        ChildExit result;
        if (WIFEXITED(status)) {
            result.code = WEXITSTATUS(status);
        } else {
            result.signal = WTERMSIG(status);
        }
        state.exit = result;
        forget_child_group(state.pid);
        ::kill(-state.pid, SIGKILL); // whatever it left behind in its group
        state.ended.cancel();
    }

    static Task<void> watch(std::shared_ptr<State> state) {
        while (!state->exit) {
            const auto [error] = co_await state->pidfd.async_wait(
                asio::posix::stream_descriptor::wait_read, k_as_tuple
            );
            if (error) {
                co_return;
            }
            reap(*state, false);
        }
    }

private:
    static Task<Result<std::string>> read(std::shared_ptr<State> state, Output State::* which) {
        Output& output = (*state).*which;
        const auto [error, count] = co_await output.pipe.async_read_some(
            asio::buffer(output.buffer.get(), k_read_size), k_as_tuple
        );
        if (error && error != asio::error::eof) {
            co_return fail(
                Code::unavailable, fmt::format("cannot read from child: {}", error.message())
            );
        }
        co_return std::string(output.buffer.get(), count);
    }

    /// A pipe that is watched wakes the loop with each write, though nobody reads it: the watch is
    /// edge-triggered and stays.
    static Task<Result<std::string>> read_after(std::shared_ptr<State> state, Millis pause) {
        auto& [pipe, unwatched, buffer] = state->out;
        boost::system::error_code ignored;
        unwatched = pipe.is_open() ? pipe.release() : -1;
        asio::steady_timer over(pipe.get_executor(), pause);
        co_await over.async_wait(k_as_tuple);
        if (unwatched >= 0) {
            pipe.assign(std::exchange(unwatched, -1), ignored);
        }
        co_return co_await read(std::move(state), &State::out);
    }

    static Task<Result<void>> write(std::shared_ptr<State> state, std::string bytes) {
        const auto [error, count] =
            co_await asio::async_write(state->in, asio::buffer(bytes), k_as_tuple);
        if (error) {
            co_return fail(
                Code::unavailable, fmt::format("cannot write to child: {}", error.message())
            );
        }
        co_return Result<void>{};
    }

    static Task<ChildExit> wait_for(std::shared_ptr<State> state) {
        while (!state->exit) {
            co_await state->ended.async_wait(k_as_tuple);
        }
        co_return state->exit.value_or(ChildExit{});
    }

    static Task<ChildExit> stop_state(std::shared_ptr<State> state, Millis grace) {
        if (!state->exit) {
            ::kill(-state->pid, SIGTERM);
            asio::steady_timer deadline(co_await asio::this_coro::executor, grace);
            deadline.async_wait([state](const boost::system::error_code& error) {
                if (!error && !state->exit) {
                    ::kill(-state->pid, SIGKILL);
                }
            });
            co_await wait_for(state);
        }
        co_return state->exit.value_or(ChildExit{});
    }

    std::shared_ptr<State> state_;
};

} // namespace

std::string ChildExit::text() const {
    if (signal == 0) {
        return fmt::format("exit {}", code);
    }
    const char* name = ::sigabbrev_np(signal);
    return fmt::format("signal {} ({})", signal, name == nullptr ? "?" : name);
}

Result<std::unique_ptr<Child>>
Child::start(const asio::any_io_executor& executor, ChildOptions options) {
    Launch launch;
    launch.program = find_program(options.program);
    launch.args = std::move(options.args);
    launch.cwd = std::move(options.cwd);
    if (launch.program.empty()) {
        return fail(
            Code::unavailable, fmt::format("no program '{}' in PATH", options.program.string())
        );
    }
    for (const auto& [name, value] : options.env) {
        launch.env.push_back(fmt::format("{}={}", name, value));
    }
    Pipe in;
    Pipe out;
    Pipe err;
    Pipe report;
    if (!in.open() || !out.open() || !err.open() || !report.open()) {
        return fail(Code::io, fmt::format("cannot make a pipe: {}", errno_text(errno)));
    }
    if (!options.pipe_stdin) {
        Pipe::close_end(in.read);
        in.read = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    launch.in = in.read;
    launch.out = options.pipe_stdout ? out.write : STDERR_FILENO;
    launch.err = options.pipe_stderr ? err.write : STDERR_FILENO;
    OA_TRY(const pid_t pid, fork_and_exec(launch, report));

    auto state = std::make_shared<PosixChild::State>(executor);
    state->pid = pid;
    remember_child_group(pid);
    std::unique_ptr<Child> child = std::make_unique<PosixChild>(state); // where we fail, it ends
    if (options.pipe_stdin) {
        state->in.assign(std::exchange(in.write, -1));
    }
    if (options.pipe_stdout) {
        state->out.pipe.assign(std::exchange(out.read, -1));
    }
    if (options.pipe_stderr) {
        state->err.pipe.assign(std::exchange(err.read, -1));
    }
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) {
        return fail(
            Code::io, fmt::format("cannot watch {}: {}", launch.program, errno_text(errno))
        );
    }
    state->pidfd.assign(pidfd);
    asio::co_spawn(executor, PosixChild::watch(std::move(state)), asio::detached);
    return child;
}

std::map<std::string, std::string> inherited_env(std::initializer_list<const char*> names) {
    std::map<std::string, std::string> env;
    for (const char* name : names) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
        if (const char* value = std::getenv(name); value != nullptr) {
            env.emplace(name, value);
        }
    }
    return env;
}

} // namespace oa_stream
