// Standard output and standard error of this process. Nothing here throws or aborts: a stream may
// be closed, full, or a pipe whose reader has left.
#pragma once

#include <cstddef>
#include <string_view>

namespace oa_stream {

/// Call it first in main(). A standard descriptor that is closed gets a placeholder, so that no
/// file opened later becomes "stdout" or "stderr" by its number. Writing to the placeholder of
/// stdout still fails with EBADF; what goes to that of stderr is lost. From here on SIGPIPE and
/// SIGXFSZ are ignored: a reader that left and a file at its size limit are errors of the write.
void hold_standard_streams() noexcept;

/// Writes all of `bytes`, in pieces where the descriptor asks for it. 0, or the errno of the write
/// that failed.
[[nodiscard]] int write_all(int descriptor, std::string_view bytes) noexcept;

/// From here on write_diagnostic() waits for a reader of standard error for a second, and not again
/// until there is room; for one that is slow for a hundredth of the time. A process that serves
/// others does not stand still with who reads its log.
void never_wait_for_stderr() noexcept;
/// The next text may wait for a second once more: the last words of who ends.
void wait_for_stderr_again() noexcept;

/// As after never_wait_for_stderr(), as long as it lives: who watches traffic that was moved goes
/// on when its terminal is stopped (Ctrl-S) or its pager reads no further. One at a time.
class UnwaitedStderr {
public:
    UnwaitedStderr() noexcept;
    UnwaitedStderr(const UnwaitedStderr&) = delete;
    UnwaitedStderr& operator=(const UnwaitedStderr&) = delete;
    ~UnwaitedStderr();
};
/// Whether a text was lost since the last call. What is printed after an UnwaitedStderr has ended
/// waits again.
[[nodiscard]] bool take_lost_diagnostics() noexcept;

struct Written {
    std::size_t taken = 0;
    int error = 0; ///< errno of a write that failed for good; 0: the rest may be taken later
};
/// As much of `bytes` as standard output takes without a wait.
[[nodiscard]] Written write_stdout_at_once(std::string_view bytes) noexcept;

/// Diagnostics onto standard error. Text that cannot be written is lost, which is not an error:
/// false, for who counts it. Where one was lost in mid-line, the next one begins a new line.
bool write_diagnostic(std::string_view text) noexcept;

} // namespace oa_stream
