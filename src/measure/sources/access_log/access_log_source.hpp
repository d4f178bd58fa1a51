// Readings from lanes' own access logs: one line is one request, written when it ended. Reading
// continues where it stopped. A log that does not exist, is empty, or has stopped gives no reading,
// never zero. Private to the room.
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
    /// Files as the lanes write them; "-" (alone) is standard input. One file per lane: all
    /// replicas together make up the whole.
    std::vector<std::filesystem::path> paths{};
    /// Also read rotated files (FILE.1, FILE.2.gz, FILE-20261120.zst), as far back as the window
    /// requires. Otherwise only what the file held since the first question.
    bool rotated = true;
    bool include_probes = false; ///< also count the requests of probes
    /// Standard input: true reads what is available now; false reads to the end before the first
    /// answer.
    bool follow = true;
    /// A silence in the log that is longer than this counts as not covered.
    double stale_after_s = LogIndexLimits{}.silence_s;
    std::size_t line_bytes = k_longest_access_line; ///< a longer line is damaged
    /// This many requests are kept one by one. Older ones are summed by the minute, after a day by
    /// the hour, with their times in a histogram whose error the reading states.
    std::size_t requests_kept = LogIndexLimits{}.requests_kept;
    double keep_s = LogIndexLimits{}.keep_s; ///< older requests are forgotten
    std::uint64_t unpacked_bytes = std::uint64_t{8} << 30U; ///< upper limit per compressed file
    std::function<WallTime()> now{}; ///< empty: the system clock
};

/// A request counts in the window in which its line was written, as in Prometheus' counters: when
/// its answer, and the turn that it began, had ended. Only POST lines of the requested routes are
/// requests; a log is alive in a window in which any line was written. Errors: Code::usage for
/// inconsistent options. read(): Code::unreadable for a file that cannot be opened; damaged rotated
/// files are listed in the notes.
[[nodiscard]] Result<std::unique_ptr<Source>>
access_log_source(const asio::any_io_executor& executor, AccessLogOptions options);

} // namespace oa_stream::measure
