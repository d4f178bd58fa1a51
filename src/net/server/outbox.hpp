// Bytes on their way into one non-blocking socket.
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

/// Writes what the socket takes at once and keeps the rest. Allocates only when it must keep.
class Outbox {
public:
    enum class Io {
        done,   ///< nothing is kept
        full,   ///< the rest is kept: flush() when the socket is writable
        broken, ///< the peer is gone; what was kept is dropped
    };

    /// `tls` may be null and outlives the outbox.
    Outbox(int fd, TlsSession* tls) noexcept : fd_(fd), tls_(tls) {}

    /// `text` goes out in front of whatever is sent next (or with flush()).
    void hold(std::string_view text);
    /// `before` + slices + `after` in one system call. `before` is copied if it must be kept,
    /// `after` must live for ever. Bytes kept from earlier go out first.
    [[nodiscard]] Io
    send(std::string_view before, std::span<const Slice> slices, std::string_view after);
    [[nodiscard]] Io flush();
    /// Drops what is kept; from now on everything is `broken`.
    void close() noexcept;

    [[nodiscard]] bool empty() const noexcept { return kept_.empty() && held_.empty(); }
    /// Something waits that the socket refused.
    [[nodiscard]] bool blocked() const noexcept { return !kept_.empty(); }
    /// Of the slices alone.
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
    std::size_t first_ = 0; ///< of kept_; those before it are gone
    std::uint64_t payload_sent_ = 0;
};

} // namespace oa_stream::net
