#include "tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace oa_stream::net {

namespace {

/// One record at most: several small pieces share it, as they share a segment without TLS.
constexpr std::size_t k_record = 16U << 10U;

} // namespace

/// OpenSSL's own socket BIO writes without MSG_NOSIGNAL.
struct SocketBio {
    static TlsSession::Socket& of(BIO* bio) {
        return *static_cast<TlsSession::Socket*>(BIO_get_data(bio));
    }

    static int write(BIO* bio, const char* data, int size) {
        BIO_clear_retry_flags(bio);
        ssize_t sent = 0;
        do {
            sent = ::send(
                of(bio).fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT
            );
        } while (sent < 0 && errno == EINTR);
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            BIO_set_retry_write(bio);
        }
        return static_cast<int>(sent);
    }

    static int read(BIO* bio, char* data, int size) {
        BIO_clear_retry_flags(bio);
        ssize_t got = 0;
        do {
            got = ::recv(of(bio).fd, data, static_cast<std::size_t>(size), MSG_DONTWAIT);
        } while (got < 0 && errno == EINTR);
        if (got < 0 && errno == EAGAIN) {
            BIO_set_retry_read(bio);
        }
        of(bio).ended |= got == 0;
        return static_cast<int>(got);
    }

    static long control(BIO* bio, int command, long, void*) {
        switch (command) {
        case BIO_CTRL_FLUSH:
            return 1; // nothing is kept
        case BIO_CTRL_EOF:
            return of(bio).ended ? 1 : 0;
        default:
            return 0;
        }
    }

    static BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            auto* const fresh =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "oa-stream socket");
            if (fresh != nullptr) {
                BIO_meth_set_write(fresh, write);
                BIO_meth_set_read(fresh, read);
                BIO_meth_set_ctrl(fresh, control);
            }
            return fresh;
        }();
        return made;
    }
};

void TlsSession::Free::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

TlsSession::~TlsSession() = default;

std::unique_ptr<TlsSession> TlsSession::accept(int fd, const std::shared_ptr<ssl_ctx_st>& context) {
    std::unique_ptr<TlsSession> session(new TlsSession(fd));
    session->ssl_.reset(SSL_new(context.get()));
    BIO* const bio = SocketBio::method() == nullptr ? nullptr : BIO_new(SocketBio::method());
    if (!session->ssl_ || bio == nullptr) {
        BIO_free(bio);
        return nullptr;
    }
    BIO_set_data(bio, &session->socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl_.get(), bio, bio);
    SSL_set_accept_state(session->ssl_.get());
    return session;
}

TlsSession::Step TlsSession::step_of(int outcome) noexcept {
    switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_NONE:
        return Step::done;
    case SSL_ERROR_WANT_READ:
        return Step::wants_read;
    case SSL_ERROR_WANT_WRITE:
        return Step::wants_write;
    case SSL_ERROR_ZERO_RETURN:
        return Step::ended;
    default:
        broken_ = true;
        return socket_.ended ? Step::ended : Step::broken;
    }
}

TlsSession::Step TlsSession::handshake() {
    ERR_clear_error();
    const auto step = step_of(SSL_accept(ssl_.get()));
    shaken_ = step == Step::done;
    return step;
}

TlsSession::Taken TlsSession::read(std::span<char> buffer) {
    std::size_t total = 0;
    while (total < buffer.size() && !ended_) {
        ERR_clear_error();
        std::size_t got = 0;
        const auto rest = buffer.subspan(total);
        const auto step = step_of(SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &got));
        if (step == Step::done) {
            total += got;
            continue;
        }
        ended_ = step == Step::ended || step == Step::broken; // reported by the next call
        if (total > 0) {
            break;
        }
        return {step, 0};
    }
    if (total == 0) {
        return {broken_ && !socket_.ended ? Step::broken : Step::ended, 0};
    }
    return {Step::done, total};
}

bool TlsSession::buffered() const noexcept {
    return ended_ || SSL_pending(ssl_.get()) > 0;
}

std::ptrdiff_t TlsSession::write(std::span<const iovec> pieces) noexcept {
    std::array<char, k_record> record; // NOLINT(cppcoreguidelines-pro-type-member-init): hot path
    std::size_t total = 0;
    std::size_t offset = 0; // into the first piece
    while (!broken_) {
        std::size_t size = 0;
        auto within = offset;
        for (const auto& piece : pieces) {
            const auto part = std::min(piece.iov_len - within, k_record - size);
            if (part > 0) { // an empty piece may have a null pointer
                std::memcpy(
                    record.data() + size, static_cast<char*>(piece.iov_base) + within, part
                );
            }
            size += part;
            within = 0;
            if (size == k_record) {
                break;
            }
        }
        if (size == 0) {
            return static_cast<std::ptrdiff_t>(total);
        }
        ERR_clear_error();
        std::size_t sent = 0;
        if (const auto step = step_of(SSL_write_ex(ssl_.get(), record.data(), size, &sent));
            step != Step::done) {
            broken_ |= step != Step::wants_write;
            break;
        }
        total += sent;
        for (sent += offset; !pieces.empty() && sent >= pieces.front().iov_len;) {
            sent -= pieces.front().iov_len;
            pieces = pieces.subspan(1);
        }
        offset = sent;
    }
    return total == 0 && broken_ ? -1 : static_cast<std::ptrdiff_t>(total);
}

void TlsSession::goodbye() noexcept {
    if (shaken_ && !broken_) {
        ERR_clear_error();
        (void)SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
}

} // namespace oa_stream::net
