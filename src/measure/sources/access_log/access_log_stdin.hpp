// Reads a log from a pipe.
#pragma once

#include "oa_stream/base/task.hpp"

#include "access_log_stream.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <optional>
#include <string>

namespace oa_stream::measure {

class AccessLogPipe {
public:
    /// Reads from descriptor `fd`, which stays open. Code::unreadable when it is not open.
    [[nodiscard]] static Result<std::unique_ptr<AccessLogPipe>>
    open(const asio::any_io_executor& executor, int fd, LogStreamLimits limits);

    /// Reads what is available now, or with `to_the_end` everything until the writer closes the
    /// pipe.
    [[nodiscard]] Task<Result<void>> catch_up(bool to_the_end, double now_s, AccessLogIndex& index);
    [[nodiscard]] const LogLineCounts& counts() const noexcept { return counts_; }
    [[nodiscard]] std::optional<Span> torn(double now_s) const { return stream_.torn(now_s); }

private:
    AccessLogPipe(const asio::any_io_executor& executor, int fd, LogStreamLimits limits)
        : input_(executor, fd), stream_(0, limits) {}
    [[nodiscard]] bool readable();
    [[nodiscard]] static Task<Result<std::string>> next(asio::posix::stream_descriptor* input);

    asio::posix::stream_descriptor input_;
    AccessLogStream stream_;
    LogLineCounts counts_{};
    bool at_end_ = false;
};

} // namespace oa_stream::measure
