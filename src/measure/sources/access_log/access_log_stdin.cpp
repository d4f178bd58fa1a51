#include "access_log_stdin.hpp"

#include "oa_stream/base/decompress.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

namespace oa_stream::measure {

namespace {
constexpr const char* k_where = "standard input";
constexpr std::size_t k_read_size = std::size_t{64} << 10U;
constexpr auto k_as_tuple = asio::as_tuple(asio::use_awaitable);
} // namespace

Result<std::unique_ptr<AccessLogPipe>>
AccessLogPipe::open(const asio::any_io_executor& executor, int fd, LogStreamLimits limits) {
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        return fail(Code::unreadable, fmt::format("cannot read: {}", errno_text(errno)), k_where);
    }
    return std::unique_ptr<AccessLogPipe>(new AccessLogPipe(executor, own, limits));
}

bool AccessLogPipe::readable() {
    pollfd wanted{.fd = input_.native_handle(), .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 0) > 0;
}

/// Waits for more bytes; empty at the end.
Task<Result<std::string>> AccessLogPipe::next(asio::posix::stream_descriptor* input) {
    std::string buffer(k_read_size, '\0');
    const auto [error, got] = co_await input->async_read_some(asio::buffer(buffer), k_as_tuple);
    if (error && error != asio::error::eof) {
        co_return fail(Code::unreadable, fmt::format("cannot read: {}", error.message()), k_where);
    }
    buffer.resize(got);
    co_return buffer;
}

Task<Result<void>>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives the source
AccessLogPipe::catch_up(bool to_the_end, double now_s, AccessLogIndex& index) {
    while (!at_end_ && (to_the_end || readable())) {
        OA_CO_TRY(const std::string piece, co_await next(&input_));
        at_end_ = piece.empty();
        if (stream_.offset() == 0 && compression_of(piece) != Compression::none) {
            co_return fail(Code::protocol, "is compressed", k_where, "gzip -dc FILE | oa-stream …");
        }
        stream_.feed(piece, now_s, index, counts_);
    }
    stream_.settle(now_s, index, counts_);
    co_return Result<void>();
}

} // namespace oa_stream::measure
