// A connection for protocols that are not HTTP: bytes over TCP, TLS or a unix socket.
#pragma once

#include "oa_stream/base/task.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::net {

struct ByteStreamTarget {
    std::string host{}; ///< name or address, without brackets
    std::string port{};
    std::string unix_path{}; ///< instead of host and port
    bool secure = false;     ///< TLS; the peer is always verified
    std::string ca_file{};   ///< PEM; empty: the system's
};

/// An open connection. One thread; dropping it cuts the connection.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// At least one byte; one call at a time. Code::unavailable when the peer closed,
    /// Code::cancelled when this end did, else Code::network.
    [[nodiscard]] virtual Task<Result<std::size_t>> read_some(std::span<char> buffer) = 0;
    /// All of it; one call at a time, beside a read_some(). `bytes` outlives the call.
    [[nodiscard]] virtual Task<Result<void>> write(std::string_view bytes) = 0;
    /// Pending calls end.
    virtual void close() noexcept = 0;
};

/// Errors: Code::timeout, Code::network, Code::unreadable (the certificates).
[[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>>
open_byte_stream(asio::any_io_executor executor, ByteStreamTarget target, Millis within);

} // namespace oa_stream::net
