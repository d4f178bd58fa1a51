// apply --detach: continues the run in a separate process, without this terminal.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/verdict.hpp"

#include "core/command.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace oa_stream::cli {

/// The process that continues. At most one is created per process.
class Detached {
public:
    /// Forks. In the new process: a session of its own, nothing on stdin, output in a file below
    /// STATE/detached, and `context` without terminal. In the old one nothing returns before the
    /// run has begun or ended: SIGINT, SIGTERM and SIGQUIT are passed on to the new process, whose
    /// end is then waited for. Call it before anything is started here. Code::io.
    [[nodiscard]] static Result<Detached> fork(Context& context);

    /// Set in the old process: its exit code. It printed how to follow, steer and abort the run;
    /// or, if the run ended before it began, the new process' output.
    [[nodiscard]] const std::optional<ExitCode>& answered() const noexcept { return answer_; }
    /// In the new process, once the run has its folder: renames its output after the run.
    void began(const std::string& run, const Context& context);

private:
    std::optional<ExitCode> answer_{};
    int notify_ = -1; ///< a pipe to the old process
};

/// Waits until the run in that process, a child of this one, has begun its steps: then its locks
/// are taken and the traffic was as planned. Its exit code when it ended before. `say` is called
/// each `patience`, because a platform may take minutes to say what serves. `pause` waits for a
/// moment; once it returns true, the run was asked to stop and its end is waited for.
[[nodiscard]] std::optional<int> wait_until_begun(
    pid_t pid,
    const std::filesystem::path& folder,
    std::chrono::milliseconds patience,
    const std::function<void()>& say,
    const std::function<bool()>& pause
);

} // namespace oa_stream::cli
