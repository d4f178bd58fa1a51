#include "connection.hpp"

#include "answer_stream.hpp"
#include "exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
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

/// Free coroutine: its frame keeps handler and exchange alive, whatever becomes of the server.
Task<void> run_handler(std::shared_ptr<ServerCore> core, std::shared_ptr<Exchange> exchange) {
    co_await core->handler(std::move(exchange));
}

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
        if (in_.size() < k_ahead_limit) {
            arm_read();
        }
        return;
    case Phase::closed:
        return;
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

void Connection::begin_request() {
    phase_ = Phase::idle;
    deadline(core_->limits.idle_timeout);
    if (in_.empty()) {
        if (end_seen_) {
            close();
        }
        arm_read();
        return;
    }
    // Posted: a client that sends hundreds of requests ahead must not nest as many handlers.
    asio::post(core_->executor, [self = shared_from_this()] {
        if (self->phase_ == Phase::idle) {
            self->take({});
        }
    });
}

void Connection::take(std::string_view data) {
    std::string_view bytes = data;
    if (!in_.empty()) {
        in_.append(data);
        bytes = in_;
    }
    if (phase_ == Phase::idle) {
        // RFC 9112 §2.2: empty lines before a request are to be ignored.
        bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
        if (bytes.empty()) {
            in_.clear();
            await_more();
            return;
        }
        phase_ = Phase::head;
        received_ = Clock::now();
        parser_ =
            std::make_unique<RequestParser>(core_->limits.header_bytes, core_->limits.body_bytes);
        deadline(core_->limits.head_timeout);
    }
    std::size_t consumed = 0;
    const auto status = parser_->feed(bytes, consumed);
    keep_rest(bytes, consumed);
    switch (status) {
    case RequestParser::Status::need_more:
        await_more();
        return;
    case RequestParser::Status::complete:
        begin_exchange(false);
        return;
    case RequestParser::Status::body_too_large:
        begin_exchange(true);
        return;
    case RequestParser::Status::refused:
        const auto refusal = parser_->refusal();
        refuse(refusal.status, refusal.reason);
        return;
    }
}

/// `bytes` lies in in_ or in the shared read buffer.
void Connection::keep_rest(std::string_view bytes, std::size_t consumed) {
    const auto rest = bytes.substr(consumed);
    const bool inside = !in_.empty();
    if (inside) {
        in_.erase(0, in_.size() - rest.size());
    } else {
        in_.assign(rest);
    }
}

void Connection::await_more() {
    if (end_seen_) {
        close();
        return;
    }
    if (phase_ == Phase::head && parser_->head_done()) {
        phase_ = Phase::body;
        deadline(core_->limits.body_timeout);
        if (parser_->traits().continue_wanted) {
            after_write(outbox_.send("HTTP/1.1 100 Continue\r\n\r\n", {}, {}));
        }
    }
    arm_read();
}

void Connection::begin_exchange(bool too_large) {
    no_deadline();
    phase_ = Phase::thinking;
    ++exchange_;
    auto request = parser_->take();
    traits_ = parser_->traits();
    parser_.reset();
    request.peer = peer_;
    request.received = received_;
    request.body_too_large = too_large;
    if (too_large) {
        request.body.clear();
    }
    unread_body_ = too_large;
    reuse_ = traits_.keep_alive && !too_large;
    if (in_.size() < k_ahead_limit) {
        arm_read();
    }
    auto exchange = std::make_shared<ConnectionExchange>(shared_from_this(), std::move(request));
    spawn(core_->executor, "http handler", run_handler(core_, std::move(exchange)));
}

/// Answers without the handler and ends the connection: the bytes that follow make no sense to us.
void Connection::refuse(int status, std::string_view reason) {
    ++exchange_;
    parser_.reset();
    traits_ = {};
    reuse_ = false;
    unread_body_ = true;
    arm_read();
    write_whole(core_->page(status, reason));
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
