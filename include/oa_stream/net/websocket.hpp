// The only WebSocket client (RFC 6455, no compression). Beast is only included in its source file.
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
    // Zero: no pings, so a vanished peer is never noticed.
    Millis ping_every{15'000};
    /// Without a frame for this long after a ping the peer counts as gone.
    Millis pong_within{10'000};
    std::size_t max_message = 16U << 20U; ///< a longer message ends the connection, or is truncated
    std::size_t max_unsent = 1U << 20U; ///< for send(): bytes that the peer has not accepted yet
    bool cut_longer = false; ///< read() returns the first max_message bytes of a longer message
};

struct WebSocketMessage {
    std::string bytes;
    bool binary = false; ///< otherwise valid UTF-8
    bool whole = true; ///< false: longer than WebSocketRequest::max_message, truncated
};

/// An open connection. Not thread-safe; destroying it cuts the connection. The peer's pings are
/// answered while a read() waits. Nothing is read ahead: a caller that does not call read() slows
/// the peer down.
class WebSocket {
public:
    virtual ~WebSocket() = default;
    WebSocket() = default;
    WebSocket(const WebSocket&) = delete;
    WebSocket& operator=(const WebSocket&) = delete;

    /// Returns the next message; one call at a time. Every error is final: Code::unavailable (the
    /// peer closed; close_code() has the reason), Code::network (cut, or no answer to pings),
    /// Code::protocol, Code::too_large, Code::cancelled (this end closed, or the waiting coroutine
    /// was cancelled).
    [[nodiscard]] virtual Task<Result<WebSocketMessage>> read() = 0;
    /// Queues a message. Code::too_large when more than max_unsent bytes wait, Code::network when
    /// the connection has ended; in both cases nothing was queued.
    [[nodiscard]] virtual Result<void> send(std::string bytes, bool binary = false) = 0;
    /// Sends a close frame and waits at most two seconds for the peer's; a waiting read() ends.
    [[nodiscard]] virtual Task<void> close(std::uint16_t code) = 0;
    /// The peer's close code; 0 until it sends one.
    [[nodiscard]] virtual std::uint16_t close_code() const noexcept = 0;
};

struct WebSocketOpened {
    std::unique_ptr<WebSocket> socket{}; ///< null: see `error`
    Error error{}; ///< Code::timeout, network, protocol, usage (the URL), cancelled; unavailable:
                   ///< the peer answered `status` instead of opening it
    int status = 0; ///< status of that answer
    std::string body{}; ///< body of that answer
};

/// Errors never contain the URL's query, which may hold a token.
[[nodiscard]] Task<WebSocketOpened>
open_websocket(asio::any_io_executor executor, WebSocketRequest request);

} // namespace oa_stream::net
