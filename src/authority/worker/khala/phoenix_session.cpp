#include "oa_stream/base/url.hpp"

#include "khala_sessions.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

using Kind = KhalaFrame::Kind;

constexpr std::string_view k_join = "1";
constexpr std::string_view k_subscribe = "2";
constexpr std::string_view k_beat = "3";
constexpr Millis k_longest_replay{60'000}; ///< of at most 3,000 events

/// Contains the token: must not be logged.
std::string socket_url(const WorkerOptions& options, const Secret& token) {
    return fmt::format(
        "{}/sync/socket/websocket?token={}&vsn=2.0.0&client=oa-stream&client_build_id={}"
        "&protocol_version=khala.ws.v1&schema_version=1",
        options.khala_url,
        percent_encode(token.reveal()),
        percent_encode(options.client_build)
    );
}

std::string subscription(
    std::string_view ref, const std::string& topic, std::uint64_t after, std::size_t batch
) {
    Json resume = Json::object();
    resume[topic] = after;
    Json payload = Json::object({{"topics", Json::array({topic})}, {"replay_batch_size", batch}});
    payload["resume_after"] = std::move(resume);
    return phoenix_message(k_join, ref, "sync:subscribe", std::move(payload));
}

bool ends(Kind kind) noexcept {
    return kind == Kind::stale || kind == Kind::slow || kind == Kind::reauth ||
           kind == Kind::failed || kind == Kind::closed;
}

} // namespace

Task<KhalaEnd> PhoenixSession::run(Link link, Secret token) {
    net::WebSocketRequest request;
    request.url = socket_url(*link->options_, token);
    request.ca_file = link->options_->ca_file;
    auto opened = co_await net::open_websocket(link->executor_, std::move(request));
    if (!opened.socket) {
        co_return KhalaLink::end_of(opened, KhalaWire::phoenix);
    }
    const Socket socket = std::move(opened.socket);
    link->socket_ = socket;
    link->expect_answer();
    if (auto end = co_await join(link, socket)) {
        co_return *std::move(end);
    }
    if (auto end = co_await subscribe(link, socket)) {
        co_return *std::move(end);
    }
    link->went_up();
    oa_stream::spawn(
        link->executor_, "khala heartbeat", beat(link, socket, link->options_->deadlines.beat)
    );
    co_return co_await read(link, socket);
}

Task<std::optional<KhalaEnd>> PhoenixSession::join(Link link, Socket socket) {
    static_cast<void>(socket->send(phoenix_message("", k_join, "phx_join", Json::object())));
    while (true) {
        auto message = co_await KhalaLink::receive(link, socket);
        if (!message) {
            co_return std::move(message).error();
        }
        const auto frame = read_phoenix_frame(*message, link->filter_);
        if (frame.kind == Kind::joined && frame.ref == k_join) {
            link->let_in_ = true;
            co_return std::nullopt;
        }
        if (ends(frame.kind)) {
            co_return KhalaLink::end_of(frame);
        }
    }
}

/// Without a cursor, the old events are dropped and the reply contains the head. A stale cursor is
/// answered with the head: subscribes there and reports that events were missed.
Task<std::optional<KhalaEnd>> PhoenixSession::subscribe(Link link, Socket socket) {
    const std::string& topic = link->options_->topic;
    bool seeking = !link->cursor_ || link->to_head_;
    link->lost_ = link->lost_ || (link->to_head_ && link->cursor_);
    std::string ref(k_subscribe);
    const auto latest = Clock::now() + k_longest_replay;
    link->still_answering();
    const auto after = seeking ? 0 : link->cursor_.value_or(0);
    static_cast<void>(socket->send(subscription(ref, topic, after, link->batch_)));
    while (true) {
        auto message = co_await KhalaLink::receive(link, socket);
        if (!message) {
            co_return std::move(message).error();
        }
        auto frame = read_phoenix_frame(*message, link->filter_);
        if (frame.kind == Kind::events && Clock::now() < latest) {
            link->still_answering(); // retained events arrive before the reply
        }
        if (frame.kind == Kind::events && !seeking) {
            link->receive(frame);
        } else if (frame.kind == Kind::joined && frame.ref == ref) {
            link->cursor_ = seeking ? frame.head.value_or(0) : link->cursor_;
            co_return std::nullopt;
        } else if (frame.kind == Kind::stale && frame.ref == ref && frame.head) {
            link->lost_ = link->lost_ || !seeking;
            seeking = false;
            link->cursor_ = frame.head;
            ref += 's';
            link->still_answering();
            static_cast<void>(socket->send(subscription(ref, topic, *frame.head, link->batch_)));
        } else if (ends(frame.kind) && (frame.kind != Kind::stale || frame.ref == ref)) {
            co_return KhalaLink::end_of(frame);
        }
    }
}

Task<KhalaEnd> PhoenixSession::read(Link link, Socket socket) {
    while (true) {
        auto message = co_await KhalaLink::receive(link, socket);
        if (!message) {
            co_return std::move(message).error();
        }
        auto frame = read_phoenix_frame(*message, link->filter_);
        if (frame.kind == Kind::events) {
            link->receive(frame);
        } else if (ends(frame.kind)) {
            co_return KhalaLink::end_of(frame);
        }
    }
}

/// The server answers each heartbeat and sends its own: a server that was silent since the last one
/// is gone.
Task<void> PhoenixSession::beat(
    std::weak_ptr<KhalaLink> link, std::weak_ptr<net::WebSocket> socket, Millis every
) {
    std::optional<Clock::time_point> sent;
    while (co_await sleep_for(every)) {
        const auto alive = link.lock();
        const auto open = socket.lock();
        if (!alive || !open || alive->socket_ != open) {
            co_return;
        }
        if (sent && alive->heard_ < *sent) {
            alive->leave_silent();
            co_return;
        }
        sent = Clock::now();
        static_cast<void>(
            open->send(phoenix_message(k_join, k_beat, "sync:heartbeat", Json::object()))
        );
    }
}

} // namespace oa_stream::authority
