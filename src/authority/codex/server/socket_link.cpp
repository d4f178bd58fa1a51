#include "socket_link.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

/// unsent bytes; more means that the server stopped reading
constexpr std::size_t k_out_limit = 64U << 20U;
constexpr Millis k_ping{20'000};
constexpr std::uint16_t k_going_away = 1001;

Error refused(const net::WebSocketOpened& opened, const std::string& url) {
    if (refuses_credential(opened.status)) {
        return Error{
            .code = Code::credentials,
            .message = "the Codex server refuses the token",
            .where = url,
            .hint = "give the server's token with --codex-token"
        };
    }
    const bool answered = opened.status != 0;
    return Error{
        .code = opened.error.code == Code::usage ? Code::usage : Code::unavailable,
        .message = answered ? fmt::format("the Codex server answered {}", opened.status)
                            : "no Codex server: " + opened.error.message,
        .where = url
    };
}

Task<void> say_goodbye(std::shared_ptr<net::WebSocket> socket) {
    co_await socket->close(k_going_away);
}

} // namespace

SocketLink::SocketLink(
    asio::any_io_executor executor,
    std::string url,
    std::shared_ptr<net::WebSocket> socket,
    LinkHandlers handlers
)
    : CodexLink(std::move(handlers)), executor_(std::move(executor)), url_(std::move(url)),
      socket_(std::move(socket)) {
}

Task<Result<std::shared_ptr<CodexLink>>>
SocketLink::open(asio::any_io_executor executor, Target target, LinkHandlers handlers) {
    net::WebSocketRequest request;
    request.url = target.server.url;
    request.bearer = std::move(target.token);
    request.open_timeout = target.deadline;
    request.ping_every = k_ping;
    request.max_message = target.message_bytes;
    request.max_unsent = k_out_limit;
    request.cut_longer = true;
    auto opened = co_await net::open_websocket(executor, std::move(request));
    if (!opened.socket) {
        co_return std::unexpected(refused(opened, target.server.url));
    }
    std::shared_ptr<SocketLink> link(
        new SocketLink(executor, target.server.url, std::move(opened.socket), std::move(handlers))
    );
    link->run();
    co_return link;
}

void SocketLink::run() {
    rpc_ = std::make_shared<RpcPeer>(
        executor_,
        RpcHandlers{
            .send =
                [this](std::string line) {
                    if (auto sent = socket_->send(std::move(line)); !sent && !lost_) {
                        kill(Error{.code = Code::unavailable, .message = sent.error().message});
                    }
                },
            .notification = handlers_.notification,
            .request = handlers_.request,
            .nonsense = handlers_.nonsense,
        }
    );
    oa_stream::spawn(executor_, "codex read loop", read_loop(shared_from_this()));
}

Task<void> SocketLink::read_loop(std::shared_ptr<SocketLink> self) {
    while (!self->lost_) {
        const auto message = co_await self->socket_->read();
        if (!message) {
            self->kill(Error{
                .code = Code::unavailable,
                .message = "the connection to the Codex server ended: " + message.error().message
            });
            break;
        }
        self->heard_ = Clock::now();
        if (self->lost_) {
            break;
        }
        if (message->whole) {
            self->rpc_->on_line(message->bytes);
        } else if (!self->rpc_->on_overlong(message->bytes)) {
            self->kill(Error{
                .code = Code::unavailable,
                .message = fmt::format(
                    "the Codex server sent a message beyond {} bytes", message->bytes.size()
                )
            });
        }
    }
}

void SocketLink::kill(const Error& why) {
    if (std::exchange(lost_, true)) {
        return;
    }
    oa_stream::spawn(executor_, "codex goodbye", say_goodbye(socket_));
    rpc_->fail_all(why);
    handlers_.lost(why);
}

void SocketLink::retire(const Error& why, Millis /*grace*/) {
    kill(why);
}

Task<void> SocketLink::read_last_words(Clock::time_point /*deadline*/) {
    co_return;
}

Task<void> SocketLink::wait_gone() {
    co_return;
}

Task<void> SocketLink::close_within(Millis /*grace*/) {
    const auto self = shared_from_this();
    const auto socket = self->socket_;
    if (!std::exchange(self->lost_, true)) {
        const Error why{.code = Code::unavailable, .message = "the Codex server was left"};
        self->rpc_->fail_all(why);
        self->handlers_.lost(why);
    }
    co_await socket->close(k_going_away);
}

} // namespace oa_stream::authority
