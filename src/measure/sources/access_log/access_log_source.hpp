// Numbers from lanes' own access logs: one line is one request, written when it ended. Reads on
// from where it was; a log that is not there, is empty, or has stopped says nothing, never zero.
// Private to the room.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/access_log_line.hpp"
#include "oa_stream/measure/source.hpp"

#include "access_log_index.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace oa_stream::measure {

struct AccessLogOptions {
    /// Each as its lane writes it; "-" (alone) is standard input. A lane a file: those of all
    /// replicas together are the whole.
    std::vector<std::filesystem::path> paths{};
    /// Read what was rotated away as well (FILE.1, FILE.2.gz, FILE-20261120.zst), as far back as
    /// the window needs. Without it only what a file held since the first question.
    bool rotated = true;
    bool include_probes = false; ///< count the requests of probes, too
    /// Standard input: read what is there now. Else to its end before the first answer.
    bool follow = true;
    /// A log in which nothing was written for longer says nothing about that time.
    double stale_after_s = LogIndexLimits{}.silence_s;
    std::size_t line_bytes = k_longest_access_line; ///< a longer line is damaged
    /// So many requests are kept one by one; older ones are added up by the minute, after a day by
    /// the hour, their times in a histogram whose error the reading states.
    std::size_t requests_kept = LogIndexLimits{}.requests_kept;
    double keep_s = LogIndexLimits{}.keep_s; ///< older requests are forgotten
    std::uint64_t unpacked_bytes = std::uint64_t{8} << 30U; ///< of one compressed file, at most
    std::function<WallTime()> now{}; ///< empty: the system's clock
};

/// A request counts in the window in which its line was written, as Prometheus' counters count it:
/// when its answer, and the turn it began, had ended. Only POST lines of the asked routes are
/// requests; a log is alive in a window when any line was written in it.
/// Errors: Code::usage for options that make no sense. Of read(): Code::unreadable for a file that
/// cannot be opened; damaged rotated files are listed in the notes.
[[nodiscard]] Result<std::unique_ptr<Source>>
access_log_source(const asio::any_io_executor& executor, AccessLogOptions options);

} // namespace oa_stream::measure
