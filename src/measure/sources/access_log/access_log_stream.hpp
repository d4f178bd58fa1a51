// Splits the bytes of one log into lines for the index, each with the time it was written.
#pragma once

#include "access_log_index.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// Number of lines of all files that were not plain requests.
struct LogLineCounts {
    std::uint64_t probes = 0; ///< requests that the lane marked as probes'
    std::uint64_t damaged = 0;
    std::uint64_t foreign = 0;
    std::uint64_t ahead = 0; ///< in the future: the lane's clock or ours is wrong
    double ahead_most_s = 0; ///< of the line farthest ahead, including lines that still count
};

struct LogStreamLimits {
    std::size_t line_bytes = 0;
    double ahead_s = 300; ///< lines further in the future than this are rejected
    /// The time of a line is unknown when it follows the line above by more than this.
    double silence_s = 300;
    /// Count the requests of probes; otherwise they only show that a lane is alive.
    bool probes = false;
};

/// The lines of one log from its beginning, across the files that they were moved to.
class AccessLogStream {
public:
    /// `log` as in AccessLogIndex::add.
    AccessLogStream(std::size_t log, LogStreamLimits limits) : log_(log), limits_(limits) {}

    /// Feeds the bytes that follow the previous ones. `now_s`: seconds since 1970.
    void feed(std::string_view bytes, double now_s, AccessLogIndex& index, LogLineCounts& counts);
    /// Call when everything available was fed: damaged lines after the last line with a time were
    /// written soon after it, and a last line that lacks only its LF counts.
    void settle(double now_s, AccessLogIndex& index, LogLineCounts& counts);
    /// Number of bytes fed.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    /// When an access line whose rest is missing was written. The rest may never arrive.
    [[nodiscard]] std::optional<Span> torn(double now_s) const;

private:
    void line(std::string_view text, double now_s, AccessLogIndex& index, LogLineCounts& counts);
    void damaged(std::uint64_t lines, LogLineCounts& counts);
    void place_undated(const Span& written, AccessLogIndex& index);
    [[nodiscard]] Span below(double now_s) const noexcept;
    [[nodiscard]] double written_at(const AccessLine& line) noexcept;

    std::size_t log_;
    LogStreamLimits limits_;
    std::uint64_t offset_ = 0;
    std::string rest_{};
    bool dropping_ = false; ///< the line was too long and has not ended yet
    bool taken_ = false; ///< the unterminated last line was counted already
    double newest_s_ = 0;
    std::uint64_t undated_ = 0; ///< damaged lines after the last one with a time
};

} // namespace oa_stream::measure
