// Writes bytes to one non-blocking socket.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct iovec; // NOLINT(readability-identifier-naming): the system's name

namespace oa_stream::net {

class TlsSession;

/// Writes what the socket accepts at once and keeps the rest. Allocates only when it must keep
/// bytes.
class Outbox {
public:
    enum class Io {
        done,   ///< nothing is kept
        full,   ///< the rest is kept: flush() when the socket is writable
        broken, ///< the peer is gone; kept bytes are dropped
    };

    /// `tls` may be null and must outlive the outbox.
    Outbox(int fd, TlsSession* tls) noexcept : fd_(fd), tls_(tls) {}

    /// Puts `text` in front of whatever is sent next (or at flush()).
    void hold(std::string_view text);
    /// Sends `before` + slices + `after` in one system call. `before` is copied if it must be kept;
    /// `after` must have static lifetime. Bytes kept earlier are sent first.
    [[nodiscard]] Io
    send(std::string_view before, std::span<const Slice> slices, std::string_view after);
    [[nodiscard]] Io flush();
    /// Drops kept bytes; from then on every call returns `broken`.
    void close() noexcept;

    [[nodiscard]] bool empty() const noexcept { return kept_.empty() && held_.empty(); }
    /// The socket refused bytes, which wait.
    [[nodiscard]] bool blocked() const noexcept { return !kept_.empty(); }
    /// Bytes of slices only.
    [[nodiscard]] std::uint64_t payload_sent() const noexcept { return payload_sent_; }

private:
    struct Kept {
        Slice slice;
        bool payload = false;
    };
    void keep(std::string_view before, std::span<const Slice> slices, std::string_view after);
    void keep_copy(std::string_view bytes, bool payload);
    void took(std::size_t bytes);
    [[nodiscard]] std::ptrdiff_t write(std::span<iovec> pieces) noexcept;

    int fd_;
    TlsSession* tls_;
    std::string held_;
    std::vector<Kept> kept_;
    std::size_t first_ = 0; ///< first valid element of kept_; earlier ones are sent
    std::uint64_t payload_sent_ = 0;
};

} // namespace oa_stream::net
