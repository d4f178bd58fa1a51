// The TLS layer of one connection on a non-blocking socket. It never waits and keeps no bytes:
// whatever the socket does not accept stays with the caller, so back-pressure works as without TLS.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

// NOLINTBEGIN(readability-identifier-naming): the system's and OpenSSL's names
struct iovec;
struct ssl_st;
struct ssl_ctx_st;
// NOLINTEND(readability-identifier-naming)

namespace oa_stream::net {

class TlsSession {
public:
    enum class Step {
        done,
        wants_read, ///< call again when the socket is readable
        wants_write, ///< … writable
        ended, ///< the peer will send nothing more
        broken,
    };
    struct Taken {
        Step step = Step::done; ///< done: `size` bytes
        std::size_t size = 0;
    };

    /// nullptr when out of memory. The caller keeps ownership of `fd`.
    [[nodiscard]] static std::unique_ptr<TlsSession>
    accept(int fd, const std::shared_ptr<ssl_ctx_st>& context);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    [[nodiscard]] Step handshake();
    [[nodiscard]] Taken read(std::span<char> buffer);
    /// Returns the bytes written, 0 when the socket is full, -1 when it is broken. After a partial
    /// write the next call must begin with the remaining bytes.
    [[nodiscard]] std::ptrdiff_t write(std::span<const iovec> pieces) noexcept;
    /// read() has data although the socket is not readable.
    [[nodiscard]] bool buffered() const noexcept;
    /// Sends close_notify, as far as the socket accepts it.
    void goodbye() noexcept;
    /// Ends without close_notify, so that the peer does not mistake what it has for the whole.
    void break_off() noexcept { broken_ = true; }

private:
    struct Socket {
        int fd = -1;
        bool ended = false;
    };
    friend struct SocketBio;

    explicit TlsSession(int fd) : socket_{fd} {}
    [[nodiscard]] Step step_of(int outcome) noexcept;
    struct Free {
        void operator()(ssl_st* ssl) const noexcept;
    };

    Socket socket_;
    std::unique_ptr<ssl_st, Free> ssl_;
    bool shaken_ = false;
    bool ended_ = false;
    bool broken_ = false;
};

} // namespace oa_stream::net
