// The one WebSocket client (RFC 6455, no compression). Beast stays in its source file.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace oa_stream::net {

struct WebSocketRequest {
    std::string url{}; ///< ws, wss or unix:/PATH; redirects are never followed
    Headers headers{};
    Secret bearer{};       ///< sent as Authorization: Bearer …
    std::string ca_file{}; ///< PEM; empty: the system's. Peers are always verified
    Millis open_timeout{10'000}; ///< name lookup, connect, TLS and upgrade together
    // Zero: no pings, so a peer that vanished is never noticed.
    Millis ping_every{15'000};
    Millis pong_within{10'000}; ///< no frame for so long after a ping: the peer is gone
    std::size_t max_message = 16U << 20U; ///< longer ones end the connection, or are cut
    std::size_t max_unsent = 1U << 20U;   ///< of send(): what the peer has not taken yet
    bool cut_longer = false; ///< of longer messages read() gives the first max_message bytes
};

struct WebSocketMessage {
    std::string bytes;
    bool binary = false; ///< else valid UTF-8
    bool whole = true;   ///< else it was longer than WebSocketRequest::max_message
};

/// An open connection. One thread; dropping it cuts the connection. Pings of the peer are answered
/// while a read() waits. Nothing is read ahead: who does not call read() slows the peer down.
class WebSocket {
public:
    virtual ~WebSocket() = default;
    WebSocket() = default;
    WebSocket(const WebSocket&) = delete;
    WebSocket& operator=(const WebSocket&) = delete;

    /// The next message; one call at a time. Every error is final: Code::unavailable (the peer
    /// closed; close_code() says how), Code::network (cut, or dead by the pings), Code::protocol,
    /// Code::too_large, Code::cancelled (this end closed, or the waiting coroutine was cancelled).
    [[nodiscard]] virtual Task<Result<WebSocketMessage>> read() = 0;
    /// Queues a message. Code::too_large when more than max_unsent waits, Code::network when the
    /// connection is over; in both cases nothing was queued.
    [[nodiscard]] virtual Result<void> send(std::string bytes, bool binary = false) = 0;
    /// Says goodbye and waits for the peer's, at most two seconds; a waiting read() ends.
    [[nodiscard]] virtual Task<void> close(std::uint16_t code) = 0;
    /// The peer's close code, 0 as long as it sent none.
    [[nodiscard]] virtual std::uint16_t close_code() const noexcept = 0;
};

struct WebSocketOpened {
    std::unique_ptr<WebSocket> socket{}; ///< null: `error` says why not
    Error error{}; ///< Code::timeout, network, protocol, usage (the URL), cancelled; unavailable:
                   ///< the peer answered `status` instead of opening it
    int status = 0; ///< of that answer
    std::string body{}; ///< likewise
};

/// Errors never name the URL's query: it may hold a token.
[[nodiscard]] Task<WebSocketOpened>
open_websocket(asio::any_io_executor executor, WebSocketRequest request);

} // namespace oa_stream::net
