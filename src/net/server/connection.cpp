#include "connection.hpp"

#include "answer_stream.hpp"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

namespace oa_stream::net {

namespace {

/// Pipelined requests are buffered up to this size; beyond it the peer must wait, and a leaving
/// peer is then only noticed when writing.
constexpr std::size_t k_ahead_limit = 64U << 10U;
/// After an answer that ends the connection the peer may still be sending. Closing would reset the
/// connection and destroy the answer in the peer's receive buffer, so we keep reading for a while:
/// up to four times the largest chat request refused for its size (64 MiB).
constexpr std::size_t k_linger_bytes = 256U << 20U;
constexpr Millis k_linger_unread{10000};
constexpr Millis k_linger{2000};

} // namespace

Connection::Connection(
    std::shared_ptr<ServerCore> core,
    Descriptor socket,
    std::string peer,
    std::unique_ptr<TlsSession> tls
)
    : core_(std::move(core)), socket_(core_->executor, socket.get()), timer_(core_->executor),
      tls_(std::move(tls)), outbox_(socket.release(), tls_.get()), peer_(std::move(peer)) {
}

void Connection::start() {
    guarded([this] {
        if (!tls_) {
            begin_request();
            return;
        }
        phase_ = Phase::shaking;
        deadline(leaving() ? core_->limits.last_request_timeout : core_->limits.handshake_timeout);
        shake();
    });
}

bool Connection::leaving() const noexcept {
    return core_->stopping && !scraped_;
}

bool Connection::awaited() const noexcept {
    return leaving() && (phase_ == Phase::shaking || phase_ == Phase::idle);
}

void Connection::wind_down() {
    if (!awaited()) {
        return;
    }
    const bool served = phase_ == Phase::idle && exchange_ > 0;
    if (served && in_.empty() && !bytes_wait()) {
        close(); // a client with a keep-alive connection must expect that (RFC 9112 section 9.5)
    } else {
        deadline(core_->limits.last_request_timeout);
    }
}

void Connection::cut() {
    if (phase_ == Phase::closed) {
        return;
    }
    if (phase_ == Phase::lingering) { // the kernel has the rest of the answer
        close();
        return;
    }
    // Zero linger turns close() into a reset, which no client mistakes for the end of a body.
    if (tls_) {
        tls_->break_off();
    }
    const ::linger hard{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    settle_delivery(Delivery::State::cut);
    lost();
}

bool Connection::answering() const noexcept {
    return phase_ == Phase::head || phase_ == Phase::body || phase_ == Phase::thinking ||
           phase_ == Phase::answering || phase_ == Phase::finishing || awaited();
}

bool Connection::peer_gone(std::uint64_t id) const noexcept {
    return phase_ == Phase::closed || (id == exchange_ && end_seen_);
}

void Connection::arm_read() {
    if (reading_ || end_seen_ || phase_ == Phase::closed) {
        return;
    }
    reading_ = true;
    if (tls_ && tls_->buffered()) {
        asio::post(core_->executor, [self = shared_from_this()] {
            self->reading_ = false;
            self->guarded([&] { self->on_readable(); });
        });
        return;
    }
    socket_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const boost::system::error_code& error) {
            self->reading_ = false;
            if (!error) {
                self->guarded([&] { self->on_readable(); });
            }
        }
    );
}

void Connection::on_readable() {
    if (phase_ == Phase::closed) {
        return;
    }
    if (phase_ == Phase::shaking) {
        shake();
        return;
    }
    const auto taken = receive();
    switch (taken.step) {
    case TlsSession::Step::done:
        on_bytes({core_->scratch.data(), taken.size});
        return;
    case TlsSession::Step::ended:
        on_end();
        return;
    case TlsSession::Step::wants_read:
        arm_read();
        return;
    case TlsSession::Step::wants_write:
        read_waits_ = true;
        arm_write();
        return;
    case TlsSession::Step::broken:
        lost();
        return;
    }
}

void Connection::on_bytes(std::string_view data) {
    switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body:
        receive(data);
        return;
    case Phase::skipping:
        skip(data);
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
    case Phase::shaking:
    case Phase::closed:
        return;
    }
}

/// Keeps reading during an exchange, to notice when the peer leaves.
void Connection::watch_peer() {
    if (in_.size() < k_ahead_limit) {
        arm_read();
    }
}

/// End of file means that the peer has closed, or (rarely: `nc -N`) only its sending half. A
/// complete answer is still attempted; a stream is not, because it may cost money as long as it
/// runs.
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
            self->guarded([&] { self->on_deadline(); });
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
        if (body_read_) {
            fail_body(Code::timeout, "the body was not received in time");
        } else {
            refuse(408, "request not received in time");
        }
        return;
    case Phase::answering:
    case Phase::finishing:
        settle_delivery(Delivery::State::late);
        cut(); // a plain close would let a reader that resumes mistake the part for the whole
        return;
    case Phase::idle:
        if (bytes_wait()) { // a request arrived in the last moment
            deadline(core_->limits.head_timeout);
            return;
        }
        close();
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
    if (tls_) {
        tls_->goodbye();
    }
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
    if (tls_ && outbox_.empty()) {
        tls_->goodbye();
    }
    outbox_.close();
    boost::system::error_code ignored;
    socket_.close(ignored);
    parser_.reset();
    in_ = {};
    if (body_read_) {
        std::exchange(body_read_, nullptr)
            ->settle(fail(Code::network, "the peer left before its body was received"));
    }
    settle_delivery(Delivery::State::lost);
    core_->forget(self);
}

} // namespace oa_stream::net
