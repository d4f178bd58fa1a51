#include "oa_stream/base/url.hpp"

#include "khala_sessions.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::authority {

namespace {

/// Beyond any head: the answer has no events but contains the head. The route is used only for
/// this.
constexpr std::uint64_t k_far = 9'007'199'254'740'991;
/// The guard's interval is per principal, and an open socket of any of its lanes keeps restarting
/// it. A lane that is refused twice will be refused as long as the other lane runs.
constexpr int k_polls = 2;
/// A request that comes too early restarts the guard's interval.
constexpr Millis k_guard{300};

std::string topic_url(const WorkerOptions& options) {
    return fmt::format(
        "{}/internal/v1/khala/topics/{}", options.khala_url, percent_encode(options.topic)
    );
}

} // namespace

Task<RustSession::Head> RustSession::ask_head(Link link, Secret token) {
    const auto& options = *link->options_;
    Head head;
    for (int attempt = 0; attempt < k_polls; ++attempt) {
        net::ClientRequest request;
        // ws://… → http://…, wss://… → https://…
        request.url = fmt::format(
            "http{}/messages?after_seq={}&limit=1", topic_url(options).substr(2), k_far
        );
        request.bearer = token;
        request.ca_file = options.ca_file;
        request.first_byte_timeout = options.deadlines.request;
        request.total_timeout = 2 * options.deadlines.request;
        const auto answer = co_await link->http_->fetch(std::move(request));
        const auto body = parse_json(answer.body);
        if (answer.status == 200 && body) {
            if (const auto at = int_member(*body, "head_cursor"); at && *at >= 0) {
                head.at = static_cast<std::uint64_t>(*at);
            }
            co_return head;
        }
        if (answer.status == 410 && body) {
            if (const Json* details = member(*body, "details")) {
                head.at = seq_member(*details, "head_cursor");
            }
            co_return head;
        }
        if (answer.status != 429) {
            net::WebSocketOpened refused{.status = answer.status, .body = answer.body};
            refused.error.message = answer.status == 0 ? std::string(net::to_string(answer.failure))
                                                       : fmt::format("answered {}", answer.status);
            head.end = KhalaLink::end_of(refused, KhalaWire::rust);
            co_return head;
        }
        const auto wait = body ? int_member(*body, "retry_after_ms").value_or(0) : 0;
        co_await sleep_for(Millis(std::clamp<std::int64_t>(wait, 0, 10'000)) + k_guard);
    }
    head.throttled = true;
    co_return head;
}

/// A cursor beyond the head silently reads nothing, for ever: the runtime's numbers have restarted.
///
/// When the head is unknown, 0 is the only cursor that cannot be beyond it. The answer is either
/// the retained events, which are de-duplicated by the worker's own numbers, or stale_cursor with
/// the head.
void RustSession::choose_cursor(KhalaLink& link, const Head& head) {
    const auto at = head.at.value_or(0);
    if (head.throttled) {
        if (!std::exchange(link.from_zero_, true)) {
            link.lost_ = link.lost_ || link.cursor_.has_value();
            link.cursor_ = 0;
        }
    } else if (!link.cursor_) {
        link.cursor_ = at;
    } else if (link.to_head_ || at < *link.cursor_) {
        link.began_again_ = link.began_again_ || at < *link.cursor_;
        link.cursor_ = at;
        link.lost_ = true;
    }
}

Task<KhalaEnd> RustSession::run(Link link, Secret token) {
    if (!std::exchange(link->at_head_, false)) {
        auto head = co_await ask_head(link, token);
        if (head.end) {
            co_return *std::move(head.end);
        }
        choose_cursor(*link, head);
    }
    net::WebSocketRequest request;
    request.url =
        fmt::format("{}/ws?after_seq={}&limit=200", topic_url(*link->options_), *link->cursor_);
    request.bearer = std::move(token);
    request.ca_file = link->options_->ca_file;
    auto opened = co_await net::open_websocket(link->executor_, std::move(request));
    if (!opened.socket) {
        co_return KhalaLink::end_of(opened, KhalaWire::rust);
    }
    const std::shared_ptr<net::WebSocket> socket = std::move(opened.socket);
    link->socket_ = socket;
    link->expect_answer();
    while (true) {
        auto message = co_await KhalaLink::receive(link, socket);
        if (!message) {
            co_return std::move(message).error();
        }
        auto frame = read_rust_frame(*message, link->filter_);
        switch (frame.kind) {
        case KhalaFrame::Kind::none:
        case KhalaFrame::Kind::joined:
            break;
        case KhalaFrame::Kind::hello:
            link->advised_ = frame.pause.value_or(link->advised_);
            link->went_up();
            break;
        case KhalaFrame::Kind::events:
            link->receive(frame);
            break;
        default:
            co_return KhalaLink::end_of(frame);
        }
    }
}

} // namespace oa_stream::authority
