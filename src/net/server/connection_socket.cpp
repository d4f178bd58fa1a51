// Socket input and output of Connection, with or without TLS.
#include "connection.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace oa_stream::net {

void Connection::shake() {
    if (phase_ != Phase::shaking) {
        return;
    }
    switch (tls_->handshake()) {
    case TlsSession::Step::done:
        begin_request();
        return;
    case TlsSession::Step::wants_read:
        arm_read();
        return;
    case TlsSession::Step::wants_write:
        arm_write();
        return;
    case TlsSession::Step::ended:
    case TlsSession::Step::broken:
        close();
        return;
    }
}

/// Reads into the shared read buffer.
TlsSession::Taken Connection::receive() {
    auto& buffer = core_->scratch;
    // After our close_notify the input is no longer decrypted.
    if (tls_ && phase_ != Phase::lingering) {
        return tls_->read(buffer);
    }
    const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) {
        return {TlsSession::Step::done, static_cast<std::size_t>(size)};
    }
    if (size == 0) {
        return {TlsSession::Step::ended, 0};
    }
    const bool later = errno == EAGAIN || errno == EINTR;
    return {later ? TlsSession::Step::wants_read : TlsSession::Step::broken, 0};
}

/// The peer has sent bytes that we have not read yet.
bool Connection::bytes_wait() noexcept {
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

} // namespace oa_stream::net
