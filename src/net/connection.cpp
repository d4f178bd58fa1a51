#include "connection.hpp"

#include "answer_stream.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace oa_stream::net {

namespace {

/// Requests sent ahead are kept up to here; beyond it the peer waits, and its leaving is then only
/// noticed by writing.
constexpr std::size_t k_ahead_limit = 64U << 10U;
/// After an answer that ends the connection the peer may still be sending. Closing under it would
/// reset the connection and destroy the answer in its receive buffer, so we read on for a while.
constexpr std::size_t k_linger_bytes = 64U << 20U;
constexpr Millis k_linger_unread{10000};
constexpr Millis k_linger{2000};

} // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, Descriptor socket, std::string peer)
    : core_(std::move(core)), socket_(core_->executor, socket.get()), timer_(core_->executor),
      outbox_(socket.release()), peer_(std::move(peer)) {
}

void Connection::start() {
    begin_request();
}

void Connection::close_if_idle() {
    if (phase_ == Phase::idle && in_.empty()) {
        close();
    }
}

void Connection::cut() {
    if (phase_ == Phase::closed) {
        return;
    }
    // Zero linger turns close() into a reset, which no client takes for a body's end.
    const ::linger hard{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    lost();
}

bool Connection::peer_gone(std::uint64_t id) const noexcept {
    return phase_ == Phase::closed || (id == exchange_ && end_seen_);
}

void Connection::arm_read() {
    if (reading_ || end_seen_ || phase_ == Phase::closed) {
        return;
    }
    reading_ = true;
    socket_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const boost::system::error_code& error) {
            self->reading_ = false;
            if (!error) {
                self->on_readable();
            }
        }
    );
}

void Connection::on_readable() {
    if (phase_ == Phase::closed) {
        return;
    }
    auto& buffer = core_->scratch;
    const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) {
        on_bytes({buffer.data(), static_cast<std::size_t>(size)});
    } else if (size == 0) {
        on_end();
    } else if (errno == EAGAIN || errno == EINTR) {
        arm_read();
    } else {
        lost();
    }
}

void Connection::on_bytes(std::string_view data) {
    switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
        take(data);
        return;
    case Phase::lingering:
        drained_ += data.size();
        if (drained_ > k_linger_bytes) {
            close();
        } else {
            arm_read();
        }
        return;
    case Phase::thinking:
    case Phase::answering:
    case Phase::streaming:
    case Phase::finishing:
        in_.append(data);
        watch_peer();
        return;
    case Phase::closed:
        return;
    }
}

/// Reads on during an exchange, to see the peer leave.
void Connection::watch_peer() {
    if (in_.size() < k_ahead_limit) {
        arm_read();
    }
}

/// End of file means the peer has closed, or (rarely: `nc -N`) only its sending half. A whole
/// answer is still tried; a stream, which may cost money for as long as it runs, is not.
void Connection::on_end() {
    end_seen_ = true;
    switch (phase_) {
    case Phase::thinking:
    case Phase::answering:
    case Phase::finishing:
        return;
    case Phase::streaming:
        lost();
        return;
    default:
        close();
    }
}

void Connection::deadline(Millis after) {
    timer_.expires_after(after);
    timer_.async_wait([self = shared_from_this(),
                       turn = ++timer_turn_](const boost::system::error_code& error) {
        if (!error && turn == self->timer_turn_) {
            self->on_deadline();
        }
    });
}

void Connection::no_deadline() {
    ++timer_turn_;
    timer_.cancel();
}

void Connection::on_deadline() {
    switch (phase_) {
    case Phase::head:
    case Phase::body:
        refuse(408, "request not received in time");
        return;
    case Phase::answering:
    case Phase::finishing:
        cut(); // a plain close would let a reader that wakes up take the part for the whole
        return;
    default:
        close();
    }
}

/// Ends the connection so that the peer gets to read the answer (RFC 9112 §9.6).
void Connection::linger() {
    if (end_seen_) {
        close();
        return;
    }
    phase_ = Phase::lingering;
    in_.clear();
    ::shutdown(socket_.native_handle(), SHUT_WR);
    deadline(unread_body_ ? k_linger_unread : k_linger);
    arm_read();
}

void Connection::lost() {
    if (phase_ == Phase::closed) {
        return;
    }
    close();
    if (const auto stream = stream_.lock()) {
        stream->lost();
    }
}

void Connection::close() {
    if (phase_ == Phase::closed) {
        return;
    }
    phase_ = Phase::closed;
    const auto self = shared_from_this();
    no_deadline();
    outbox_.close();
    boost::system::error_code ignored;
    socket_.close(ignored);
    parser_.reset();
    in_ = {};
    if (delivery_) {
        std::exchange(delivery_, nullptr)->settle(Delivery::State::lost);
    }
    core_->forget(self);
}

} // namespace oa_stream::net
