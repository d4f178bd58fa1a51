// The one child-process wrapper: argument vector only, never a shell.
#pragma once

#include "oa_stream/base/task.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream {

struct ChildOptions {
    std::filesystem::path program; ///< looked up in PATH when it has no slash
    std::vector<std::string> args;
    std::map<std::string, std::string> env; ///< the whole environment; nothing is inherited
    std::filesystem::path cwd{};            ///< empty: ours
    bool pipe_stdin = false;                ///< else /dev/null
    bool pipe_stdout = true;                ///< else inherited stderr
    bool pipe_stderr = true;                ///< else inherited stderr
};

struct ChildExit {
    int code = -1;  ///< exit status, or -1 when ended by a signal
    int signal = 0; ///< 0 when it exited by itself
    [[nodiscard]] bool clean() const noexcept { return code == 0 && signal == 0; }
    [[nodiscard]] std::string text() const; ///< "exit 1", "signal 9 (KILL)"
};

/// A child in its own process group, killed with its parent (PR_SET_PDEATHSIG), with no descriptor
/// of ours but its standard streams. Used from its executor's thread only. The destructor kills the
/// group and reaps.
class Child {
public:
    /// Errors: Code::unavailable when the program does not exist or cannot be executed.
    [[nodiscard]] static Result<std::unique_ptr<Child>>
    start(const asio::any_io_executor& executor, ChildOptions options);
    virtual ~Child() = default;
    Child() = default;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] virtual int pid() const noexcept = 0;
    /// Up to 64 KiB as soon as something is there; empty at end of file.
    [[nodiscard]] virtual Task<Result<std::string>> read_stdout() = 0;
    /// … after a pause in which nothing that the child writes wakes this process.
    [[nodiscard]] virtual Task<Result<std::string>> read_stdout_after(Millis pause) = 0;
    [[nodiscard]] virtual Task<Result<std::string>> read_stderr() = 0;
    /// Writes everything. One writer at a time.
    [[nodiscard]] virtual Task<Result<void>> write_stdin(std::string bytes) = 0;
    virtual void close_stdin() = 0;
    /// Completes when the child has ended (and was reaped); may be awaited more than once.
    [[nodiscard]] virtual Task<ChildExit> wait() = 0;
    [[nodiscard]] virtual std::optional<ChildExit> exited() const noexcept = 0;
    virtual void signal(int number) noexcept = 0;
    /// TERM to the group, up to `grace`, then KILL; reaps.
    [[nodiscard]] virtual Task<ChildExit> stop(Millis grace) = 0;
};

/// KILL to the process group of each child that was not reaped, for who leaves without destructors.
/// What a child has started dies with it only by its group: a program that moves traffic must not
/// write once we have left. Every thread may call it.
void kill_child_groups();

/// One run of an operator's program: a document in, a document out, a time limit.
struct ProgramCall {
    std::vector<std::string> argv; ///< not empty
    std::map<std::string, std::string> env;
    std::string input; ///< its whole stdin
    Millis limit{30000};
    std::size_t most_output = 1U << 20U; ///< bytes of stdout; more ends the program
    bool drops_output = false; ///< stdout is read and forgotten, however much there is
};

struct ProgramEnd {
    ChildExit exit{};
    std::string output; ///< stdout, whole
    std::string last_line; ///< of stderr: not blank, printable, cut; empty when it printed nothing
};

/// When it returns, nothing of the program's process group runs any more; the same when the
/// coroutine is cancelled. Code::not_found: it could not be started; Code::timeout;
/// Code::too_large. Nothing is redacted here.
[[nodiscard]] Task<Result<ProgramEnd>>
call_program(asio::any_io_executor executor, ProgramCall call);

/// After the limit the group gets so long to end by itself.
inline constexpr Millis k_program_grace{1000};

/// As a shell finds it: looked up in our PATH when it has no slash. Empty: there is none.
[[nodiscard]] std::string find_program(const std::string& name);

/// An environment with the named variables copied from ours (those that are set).
[[nodiscard]] std::map<std::string, std::string>
inherited_env(std::initializer_list<const char*> names);

} // namespace oa_stream
