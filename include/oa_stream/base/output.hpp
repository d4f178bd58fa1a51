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
/// The next text may wait for a second once more: the last words of who ends.
void wait_for_stderr_again() noexcept;

/// Diagnostics onto standard error. Text that cannot be written is lost, which is not an error:
/// false, for who counts it. Of a text that was taken in part the next one begins a new line.
bool write_diagnostic(std::string_view text) noexcept;

} // namespace oa_stream
