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
    std::string unix_path{}; ///< replaces host and port
    bool secure = false;     ///< TLS; the peer is always verified
    std::string ca_file{};   ///< PEM; empty: the system's
};

/// An open connection. Not thread-safe; destroying it cuts the connection.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// Reads at least one byte; one call at a time. Code::unavailable when the peer closed,
    /// Code::cancelled when this end did, otherwise Code::network.
    [[nodiscard]] virtual Task<Result<std::size_t>> read_some(std::span<char> buffer) = 0;
    /// Writes all bytes; one call at a time, which may overlap a read_some(). `bytes` must outlive
    /// the call.
    [[nodiscard]] virtual Task<Result<void>> write(std::string_view bytes) = 0;
    /// Ends pending calls.
    virtual void close() noexcept = 0;
};

/// Errors: Code::timeout, Code::network, Code::unreadable (a certificate file).
[[nodiscard]] Task<Result<std::unique_ptr<ByteStream>>>
open_byte_stream(asio::any_io_executor executor, ByteStreamTarget target, Millis within);

} // namespace oa_stream::net
