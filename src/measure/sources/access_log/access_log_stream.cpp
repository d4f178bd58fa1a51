#include "access_log_stream.hpp"

#include <algorithm>

namespace oa_stream::measure {
namespace {

/// A line that tells of an end so long before the line above it was not held back: the clock was
/// set. Longer than a lane waits for a reader that left (docs/limits.md).
constexpr double k_clock_step_s = 600;

} // namespace

void AccessLogStream::feed(
    std::string_view bytes, double now_s, AccessLogIndex& index, LogLineCounts& counts
) {
    offset_ += bytes.size();
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        const bool too_long = rest_.size() + piece.size() > limits_.line_bytes;
        if (too_long && !dropping_) {
            dropping_ = true;
            rest_.clear();
            ++counts.damaged;
            damaged(index);
        }
        if (end == std::string_view::npos) {
            rest_ += dropping_ ? std::string_view() : piece;
            return;
        }
        if (dropping_) {
            dropping_ = false;
        } else if (rest_.empty()) {
            line(piece, now_s, index, counts);
        } else {
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
    case LineKind::request:
        counts.ahead_most_s = std::max(counts.ahead_most_s, read.ended_s - now_s);
        if (read.ended_s > now_s + limits_.ahead_s) {
            ++counts.ahead;
            return damaged(index);
        }
        counts.probes += read.probe ? 1 : 0;
        read.post = read.post && (limits_.probes || !read.probe);
        ++counts.requests;
        index.add(log_, written_at(read.ended_s), read);
        return place_undated(newest_s_, index);
    case LineKind::lost:
        counts.damaged += read.lost;
        return index.add_damaged(
            read.ended_s > now_s + limits_.ahead_s ? now_s : read.ended_s, read.lost
        );
    case LineKind::damaged:
        ++counts.damaged;
        return damaged(index);
    case LineKind::foreign:
        ++counts.foreign;
        return;
    case LineKind::event:
    case LineKind::blank:
        return;
    }
}

/// A damaged line was written at about the time of the line above it.
void AccessLogStream::damaged(AccessLogIndex& index) {
    if (newest_s_ > 0) {
        index.add_damaged(newest_s_);
    } else {
        ++undated_;
    }
}

void AccessLogStream::place_undated(double at_s, AccessLogIndex& index) {
    for (; undated_ > 0; --undated_) {
        index.add_damaged(at_s);
    }
}

/// Lines are written in order. One that tells of an end before that of a line above it waited for
/// its turn, whose reader had left: it was written no earlier than the line above it.
double AccessLogStream::written_at(double ended_s) noexcept {
    newest_s_ = ended_s < newest_s_ - k_clock_step_s ? ended_s : std::max(newest_s_, ended_s);
    return newest_s_;
}

} // namespace oa_stream::measure
