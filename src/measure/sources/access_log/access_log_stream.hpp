// One log's bytes on their way to the index: cut into lines, each with the time it was written.
#pragma once

#include "access_log_index.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// What the lines of all files were, besides requests.
struct LogLineCounts {
    std::uint64_t probes = 0; ///< requests that the lane marked as probes
    std::uint64_t damaged = 0;
    std::uint64_t foreign = 0;
    std::uint64_t ahead = 0; ///< of a time to come: the lane's clock or ours is wrong
    double ahead_most_s = 0; ///< how far the farthest line is ahead, also of those that count
};

struct LogStreamLimits {
    std::size_t line_bytes = 0;
    double ahead_s = 300; ///< lines later than now by more are not believed
    double silence_s = 300; ///< what was written so long after the line above it is not known
    bool probes = false;  ///< count their requests, too; else they only show that a lane lives
};

/// The lines of one log from its beginning, whatever files they were moved to.
class AccessLogStream {
public:
    /// `log` as in AccessLogIndex::add.
    AccessLogStream(std::size_t log, LogStreamLimits limits) : log_(log), limits_(limits) {}

    /// Takes the bytes that follow those taken before. `now_s`: seconds since 1970.
    void feed(std::string_view bytes, double now_s, AccessLogIndex& index, LogLineCounts& counts);
    /// All there is for now was taken: damaged lines below the last one with a time were written
    /// soon after it, and a last line that only lacks its LF is one.
    void settle(double now_s, AccessLogIndex& index, LogLineCounts& counts);
    /// How many bytes were taken.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    /// When an access line was written whose rest is not there. It may never come.
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
    bool taken_ = false; ///< what waits for its LF counts already
    double newest_s_ = 0;
    std::uint64_t undated_ = 0; ///< damaged lines below the last one with a time
};

} // namespace oa_stream::measure
