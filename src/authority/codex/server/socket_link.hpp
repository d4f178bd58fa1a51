// A connection to an app-server that the operator runs: JSON-RPC as WebSocket text messages. Turns
// there continue when the connection ends.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/net/websocket.hpp"

#include "codex/process/codex_link.hpp"

#include <memory>
#include <string>

namespace oa_stream::authority {

class SocketLink final : public CodexLink, public std::enable_shared_from_this<SocketLink> {
public:
    struct Target {
        CodexServer server{};
        Secret token{};
        std::size_t message_bytes = 0;
        Millis deadline{0}; ///< for opening the connection
    };
    /// Code::credentials when the server refuses the token, Code::unavailable when it is
    /// unreachable.
    [[nodiscard]] static Task<Result<std::shared_ptr<CodexLink>>>
    open(asio::any_io_executor executor, Target target, LinkHandlers handlers);

    [[nodiscard]] std::string peer() const override { return "at " + url_; }
    void kill(const Error& why) override;
    void retire(const Error& why, Millis grace) override;

private:
    SocketLink(
        asio::any_io_executor executor,
        std::string url,
        std::shared_ptr<net::WebSocket> socket,
        LinkHandlers handlers
    );
    void run();
    [[nodiscard]] Task<void> read_last_words(Clock::time_point deadline) override;
    [[nodiscard]] Task<void> wait_gone() override;
    [[nodiscard]] Task<void> close_within(Millis grace) override;
    [[nodiscard]] static Task<void> read_loop(std::shared_ptr<SocketLink> self);

    asio::any_io_executor executor_;
    std::string url_;
    std::shared_ptr<net::WebSocket> socket_;
};

} // namespace oa_stream::authority
