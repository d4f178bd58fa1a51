// Standard output and standard error of this process. Nothing here throws or aborts: a stream may
// be closed, full, or a pipe whose reader has left.
#pragma once

#include <string_view>

namespace oa_stream {

/// Call it first in main(). A standard descriptor that is closed gets a placeholder, so that no
/// file opened later becomes "stdout" or "stderr" by its number. Writing to the placeholder of
/// stdout still fails with EBADF; what goes to that of stderr is lost. SIGPIPE is ignored from here
/// on.
void hold_standard_streams() noexcept;

/// Writes all of `bytes`, in pieces where the descriptor asks for it. 0, or the errno of the write
/// that failed.
[[nodiscard]] int write_all(int descriptor, std::string_view bytes) noexcept;

/// From here on write_diagnostic() waits for a reader of standard error for a second, and not again
/// until there is room: a process that serves others does not stand still with who reads its log.
void never_wait_for_stderr() noexcept;
/// Whether a line is taken now; waits for that as never_wait_for_stderr() says. A closed or broken
/// one counts as ready: the write tells.
[[nodiscard]] bool stderr_is_ready() noexcept;

/// Diagnostics onto standard error. Text that cannot be written is lost, which is not an error.
void write_diagnostic(std::string_view text) noexcept;

} // namespace oa_stream
