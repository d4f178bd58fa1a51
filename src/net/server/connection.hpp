// One client connection: reads requests, hands them to the handler, writes the answers.
//
// A state machine rather than a coroutine: one read wait is always under way, in every phase, so a
// leaving peer is always noticed at once.
#pragma once

#include "outbox.hpp"
#include "request_parser.hpp"
#include "server_core.hpp"
#include "tls/tls_session.hpp"
#include "wire_text.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <new>
#include <optional>
#include <string>

namespace oa_stream::net {

class AnswerStream;

/// State of a complete answer, shared by the connection that writes it and the coroutine that
/// waits.
struct Delivery {
    enum class State {
        pending,
        written,
        lost, ///< the peer left
        late, ///< cut at its deadline
        cut, ///< cut because the server was closed
    };
    State state = State::pending;
    std::uint64_t body_sent = 0; ///< final once the state is not pending
    asio::steady_timer* waiter = nullptr;
    [[nodiscard]] bool pending() const noexcept { return state == State::pending; }
    void settle(State outcome, std::uint64_t body_bytes);
};

/// Result of reading a body, shared in the same way.
struct BodyRead {
    std::optional<Result<std::string>> outcome{};
    BodyBudget::Share share{}; ///< of the body
    asio::steady_timer* waiter = nullptr;
    [[nodiscard]] bool pending() const noexcept { return !outcome; }
    void settle(Result<std::string> body);
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    /// `tls` may be null.
    Connection(
        std::shared_ptr<ServerCore> core,
        Descriptor socket,
        std::string peer,
        std::unique_ptr<TlsSession> tls
    );

    void start();
    /// Called when the server stops. Closes a connection whose requests are all answered. One
    /// without any request stays for ServerLimits::last_request_timeout: its request may be on its
    /// way, and a proxy that has sent it may not repeat it.
    void wind_down();
    /// The server stops, and nothing more will be answered here.
    [[nodiscard]] bool leaving() const noexcept;
    /// Resets the connection and notifies a stream's owner. An answer that is already complete is
    /// still sent.
    void cut();
    /// See HttpServer::answering().
    [[nodiscard]] bool answering() const noexcept;

    // For the running exchange, identified by `id`: a late call has no effect.
    [[nodiscard]] std::uint64_t exchange() const noexcept { return exchange_; }
    [[nodiscard]] bool peer_gone(std::uint64_t id) const noexcept;
    [[nodiscard]] bool closed() const noexcept { return phase_ == Phase::closed; }
    [[nodiscard]] std::shared_ptr<BodyRead>
    read_body(std::uint64_t id, std::unique_ptr<BodySieve> sieve, std::string owner);
    [[nodiscard]] std::shared_ptr<Delivery> answer(std::uint64_t id, Response response);
    [[nodiscard]] Result<std::shared_ptr<BodyStream>>
    begin_stream(std::uint64_t id, int status, const Headers& headers);
    /// The handler dropped the request without an answer.
    void abandon(std::uint64_t id) noexcept;

    // For the running stream.
    [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return core_->executor; }
    /// Acts on the outbox's result.
    void after_write(Outbox::Io io);
    /// The stream's last byte is in the outbox.
    void finish_stream(Outbox::Io io);

private:
    enum class Phase {
        shaking, ///< TLS handshake
        idle, ///< between requests
        head, ///< reading a request's head
        body, ///< reading its body
        thinking, ///< the handler is working on it
        answering, ///< a complete answer is being sent
        streaming, ///< the handler sends a body piece by piece
        finishing, ///< its last piece is being sent
        skipping, ///< answered; discarding a short rest of the request's body
        lingering, ///< answered; waiting for the peer to read the answer and close
        closed,
    };

    /// The server stops, but a last request may arrive here.
    [[nodiscard]] bool awaited() const noexcept;
    void shake();
    [[nodiscard]] TlsSession::Taken receive();
    [[nodiscard]] bool bytes_wait() noexcept;
    void arm_read();
    void on_readable();
    void on_bytes(std::string_view data);
    void watch_peer();
    void on_end();
    void begin_request();
    void receive(std::string_view data);
    [[nodiscard]] bool begin_head(std::string_view& bytes);
    void keep_rest(std::string_view bytes, std::size_t consumed);
    void await_more();
    void begin_exchange(bool too_large);
    void refuse(int status, std::string_view reason);
    [[nodiscard]] RequestParser::Status parse(std::string_view bytes);
    void obey(RequestParser::Status status);

    void await_body();
    [[nodiscard]] bool body_fits();
    void refuse_for_room();
    void finish_body();
    void fail_body(Code code, std::string_view what);
    void give_up_body();
    void settle_unread_body();
    void skip(std::string_view data);

    void write_whole(Response response);
    void write_page(int status, std::string_view reason, std::string_view path);
    void settle_delivery(Delivery::State outcome);
    [[nodiscard]] HeadShape shape_of(int status, const Headers& headers) const;
    void arm_write();
    void on_socket_writable();
    void flush();
    void drained();
    void end_exchange();

    /// Allocation failure ends only this connection.
    template <class Fn> void guarded(Fn fn) {
        try {
            fn();
        } catch (const std::bad_alloc&) {
            cut();
        }
    }
    void deadline(Millis after);
    void no_deadline();
    void on_deadline();
    void linger();
    void lost();
    void close();

    std::shared_ptr<ServerCore> core_;
    asio::posix::stream_descriptor socket_;
    asio::steady_timer timer_;
    std::uint64_t timer_turn_ = 0; ///< identifies a timer that fired before it was rescheduled
    std::unique_ptr<TlsSession> tls_;
    Outbox outbox_;
    std::string peer_;
    std::string in_; ///< received, not parsed yet
    std::unique_ptr<RequestParser> parser_;
    RequestTraits traits_;
    Clock::time_point received_{};
    std::shared_ptr<BodyRead> body_read_; ///< the handler waits for it
    std::shared_ptr<Delivery> delivery_;
    std::uint64_t payload_before_ = 0; ///< sent on this connection by earlier answers
    std::weak_ptr<AnswerStream> stream_;
    std::uint64_t exchange_ = 0;
    std::size_t drained_ = 0;
    Phase phase_ = Phase::idle;
    bool reading_ = false;
    bool writing_ = false;
    bool read_waits_ = false; ///< TLS must write before it can continue reading
    bool end_seen_ = false; ///< the peer will send nothing more
    bool unread_body_ = false;
    bool reuse_ = true;
    /// The last request was for /metrics: its scraper keeps this connection while the server stops,
    /// so that it can watch until the end. A new connection would be refused.
    bool scraped_ = false;
};

} // namespace oa_stream::net
