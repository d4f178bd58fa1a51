#include "access_log_stream.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::measure {
namespace {

/// A line this much earlier than the line above it, and not held back by the lane, shows that the
/// clock was changed.
constexpr double k_clock_step_s = 600;

} // namespace

void AccessLogStream::feed(
    std::string_view bytes, double now_s, AccessLogIndex& index, LogLineCounts& counts
) {
    offset_ += bytes.size();
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (dropping_) {
            damaged(access_lines_begun(piece), counts);
        } else if (rest_.size() + piece.size() > limits_.line_bytes) {
            dropping_ = true;
            rest_ += piece;
            damaged(std::max<std::uint64_t>(1, access_lines_begun(rest_)), counts);
            rest_.clear();
        }
        if (end == std::string_view::npos) {
            rest_ += dropping_ ? std::string_view() : piece;
            taken_ = taken_ && piece == "\r";
            return;
        }
        const bool counts_already =
            std::exchange(taken_, false) && (piece.empty() || piece == "\r");
        if (dropping_) {
            dropping_ = false;
        } else if (rest_.empty()) {
            line(piece, now_s, index, counts);
        } else if (!counts_already) {
            rest_ += piece;
            line(rest_, now_s, index, counts);
        }
        rest_.clear();
        bytes.remove_prefix(end + 1);
    }
}

void AccessLogStream::line(
    std::string_view text, double now_s, AccessLogIndex& index, LogLineCounts& counts
) {
    AccessLine read;
    switch (read_access_line(text, read)) {
    case LineKind::request: {
        counts.ahead_most_s = std::max(counts.ahead_most_s, read.ended_s - now_s);
        if (read.ended_s > now_s + limits_.ahead_s) {
            ++counts.ahead;
            ++undated_;
            return;
        }
        counts.probes += read.probe ? 1 : 0;
        read.post = read.post && (limits_.probes || !read.probe);
        const double above_s = newest_s_;
        const double at_s = written_at(read);
        place_undated(
            {above_s > 0 ? std::min(above_s, at_s) : at_s, std::max(above_s, at_s)}, index
        );
        return index.add(log_, at_s, read);
    }
    case LineKind::lost: {
        const double end_s = read.held ? std::max(newest_s_, read.ended_s) : read.ended_s;
        const double at_s = end_s > now_s + limits_.ahead_s ? now_s : end_s;
        counts.damaged += index.add_lost(at_s, read) ? read.lost : 0;
        return;
    }
    case LineKind::damaged:
        return damaged(std::max<std::uint64_t>(1, access_lines_begun(text)), counts);
    case LineKind::foreign:
        ++counts.foreign;
        return;
    case LineKind::event:
    case LineKind::blank:
        return;
    }
}

void AccessLogStream::settle(double now_s, AccessLogIndex& index, LogLineCounts& counts) {
    // Only a JSON line's end shows that the line is complete.
    AccessLine read;
    const LineKind kind =
        !taken_ && rest_.ends_with('}') ? read_access_line(rest_, read) : LineKind::blank;
    if (kind == LineKind::request || kind == LineKind::lost) {
        line(rest_, now_s, index, counts);
        taken_ = true;
    }
    place_undated(below(now_s), index);
}

std::optional<Span> AccessLogStream::torn(double now_s) const {
    AccessLine read;
    if (taken_ || rest_.empty()) {
        return std::nullopt;
    }
    switch (read_access_line(rest_, read)) {
    case LineKind::request:
    case LineKind::lost:
    case LineKind::damaged:
        return below(now_s);
    case LineKind::event:
    case LineKind::foreign:
    case LineKind::blank:
        return std::nullopt;
    }
    return std::nullopt;
}

/// Damaged lines get a time range once the next line with a time arrives: between the line above
/// and that one.
void AccessLogStream::damaged(std::uint64_t lines, LogLineCounts& counts) {
    counts.damaged += lines;
    undated_ += lines;
}

void AccessLogStream::place_undated(const Span& written, AccessLogIndex& index) {
    if (undated_ > 0) {
        index.add_damaged(written, std::exchange(undated_, 0));
    }
}

/// When a line after the last one with a time was written; without such a line, about now.
Span AccessLogStream::below(double now_s) const noexcept {
    return newest_s_ > 0
               ? Span{newest_s_, std::clamp(now_s, newest_s_, newest_s_ + limits_.silence_s)}
               : Span{now_s, now_s};
}

/// Lines are written in order: a line that was held back was written no earlier than the line above
/// it.
double AccessLogStream::written_at(const AccessLine& line) noexcept {
    const bool clock_set = !line.held && line.ended_s < newest_s_ - k_clock_step_s;
    newest_s_ = clock_set ? line.ended_s : std::max(newest_s_, line.ended_s);
    return newest_s_;
}

} // namespace oa_stream::measure
