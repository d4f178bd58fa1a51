#include "khala_link.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "khala_sessions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

using Why = KhalaEnd::Why;

constexpr Millis k_first_pause_rust{400};    ///< until hello sets one
constexpr Millis k_first_pause_phoenix{500};
constexpr Millis k_longest_pause{10'000};
constexpr Millis k_final_pause{60'000}; ///< for a build that is refused
constexpr int k_denials = 3;
constexpr std::size_t k_evictions = 3; ///< this many within …
constexpr Millis k_eviction_window{30'000}; ///< … this time: the cursor is dropped
constexpr std::size_t k_less = 8; ///< divisor for the batch size
constexpr int k_cuts = 10; ///< in a row without new events: then the pauses grow

} // namespace

KhalaLink::KhalaLink(
    const asio::any_io_executor& executor,
    std::shared_ptr<const WorkerOptions> options,
    std::shared_ptr<ControlClient> control,
    KhalaHandlers handlers
)
    : executor_(executor), options_(std::move(options)), control_(std::move(control)),
      handlers_(std::move(handlers)), filter_{options_->topic, options_->worker},
      http_(net::HttpClient::make(executor)), token_(executor, *http_, options_->khala_auth),
      changed_(executor),
      advised_(options_->wire == KhalaWire::rust ? k_first_pause_rust : k_first_pause_phoenix),
      random_(std::random_device{}()) {
}

Task<Result<Secret>> KhalaLink::token(Self self) {
    if (self->options_->khala_auth == "mint") {
        co_return co_await ControlClient::mint(self->control_);
    }
    co_return co_await self->token_.get();
}

Task<KhalaEnd> KhalaLink::session(Self self, Secret token) {
    if (self->options_->wire == KhalaWire::rust) {
        co_return co_await RustSession::run(std::move(self), std::move(token));
    }
    co_return co_await PhoenixSession::run(std::move(self), std::move(token));
}

Task<void> KhalaLink::run(Self self) {
    while (!self->stopping_) {
        KhalaEnd end;
        auto token = co_await KhalaLink::token(self);
        if (token) {
            end = co_await session(self, *std::move(token));
        } else {
            const bool denied = token.error().code == Code::credentials;
            end = {.why = denied ? Why::denied : Why::lost, .text = token.error().message};
        }
        self->socket_.reset();
        if (self->stopping_) {
            co_return;
        }
        const bool was_up = self->up_;
        self->went_down(end);
        const auto soonest = Clock::now() + self->advised_;
        auto until = Clock::now() + self->pause_after(end, was_up);
        const bool rests = self->rests_ = self->denials_ >= k_denials;
        while (!self->stopping_ && Clock::now() < until) {
            co_await self->changed_.wait_until(until);
            if (self->rests_ != rests) {
                // woken early: respects the server's advised pause
                until = std::min(until, soonest);
            }
        }
        self->rests_ = false;
        ++self->reconnects_;
    }
}

void KhalaLink::wake() {
    if (std::exchange(rests_, false)) {
        denials_ = k_denials - 1; // another token has one try before it pauses too
        failures_ = 0;
        changed_.notify();
    }
}

Task<bool> KhalaLink::replaced(Self self) {
    const bool minted = self->options_->khala_auth == "mint";
    co_return !minted && co_await self->token_.replaced();
}

void KhalaLink::went_down(const KhalaEnd& end) {
    reason_ = end.text;
    at_head_ = end.why == Why::stale && end.head.has_value();
    from_zero_ = from_zero_ && end.why == Why::slow;
    if (end.too_large) {
        ask_for_less();
    }
    if (end.why == Why::denied) {
        token_.refused();
        ++denials_;
        ++reauths_;
    } else if (end.why != Why::lost) {
        denials_ = 0;
    }
    if (end.why == Why::stale) {
        ++stale_cursors_;
        cursor_ = end.head.has_value() ? end.head : cursor_;
        to_head_ = !end.head.has_value();
        lost_ = true;
    } else if (end.why == Why::slow) {
        const auto now = Clock::now();
        evictions_.push_back(now);
        std::erase_if(evictions_, [&](auto at) { return now - at > k_eviction_window; });
        if (evictions_.size() >= k_evictions) {
            evictions_.clear();
            to_head_ = true;
            lost_ = true;
        }
    }
    if (std::exchange(up_, false)) {
        handlers_.down();
    }
    if (denials_ == k_denials) {
        handlers_.denied(end.text);
    }
}

/// An event that is too large even alone is left to the worker's log.
void KhalaLink::ask_for_less() {
    const bool batches = options_->wire == KhalaWire::phoenix && batch_ > 1;
    if (batches) {
        batch_ = std::max<std::size_t>(batch_ / k_less, 1);
    } else if (cursor_) {
        ++*cursor_;
        lost_ = true;
    }
}

Millis KhalaLink::pause_after(const KhalaEnd& end, bool was_up) {
    // A replay that was cut continues where it stopped, so a longer pause would only delay it. If
    // the server cuts every connection, the pauses still grow.
    cut_ = std::exchange(let_in_, false) && end.cut && !was_up ? cut_ + 1 : 0;
    const bool goes_on = cut_ > 0 && cut_ <= k_cuts;
    failures_ = was_up || goes_on ? 0 : failures_ + 1;
    if (end.why == Why::refused_build) {
        return k_final_pause;
    }
    // A proxy without a backend answers as a wrong address does.
    if ((end.why == Why::settings && !known_good_) || denials_ >= k_denials) {
        return options_->deadlines.denied;
    }
    const int doublings = std::min(failures_, 6);
    const Millis base = std::max(advised_, std::min(advised_ * (1 << doublings), k_longest_pause));
    const auto jitter = std::uniform_int_distribution<std::int64_t>(0, base.count() / 2)(random_);
    return std::max(end.pause.value_or(Millis(0)), base) + Millis(jitter);
}

void KhalaLink::went_up() {
    up_ = known_good_ = true;
    answer_by_.reset();
    reason_.clear();
    failures_ = 0;
    denials_ = 0;
    to_head_ = false;
    batch_ = k_batch;
    handlers_.up(std::exchange(lost_, false));
}

void KhalaLink::receive(KhalaFrame& frame) {
    cursor_ = std::max(cursor_.value_or(0), frame.watermark);
    if (!frame.events.empty()) {
        cut_ = 0;
        handlers_.events(std::move(frame.events));
    }
}

void KhalaLink::expect_answer() {
    still_answering();
    oa_stream::spawn(executor_, "khala silence", watch_silence(weak_from_this(), socket_));
}

void KhalaLink::still_answering() {
    answer_by_ = Clock::now() + options_->deadlines.request;
}

/// Pings show that the peer is connected, not that the service behind it works.
Task<void>
KhalaLink::watch_silence(std::weak_ptr<KhalaLink> link, std::weak_ptr<net::WebSocket> socket) {
    while (true) {
        Clock::duration left{};
        {
            const auto alive = link.lock();
            const auto open = socket.lock();
            const auto by = alive ? alive->answer_by_ : std::nullopt;
            if (!by || !open || alive->socket_ != open) {
                co_return;
            }
            left = *by - Clock::now();
            if (left <= Clock::duration::zero()) {
                alive->leave_silent();
                co_return;
            }
        }
        co_await sleep_for(left);
    }
}

/// Stops reading this socket, so that it cannot come up while it is being closed.
void KhalaLink::leave_silent() {
    if (const auto socket = std::exchange(socket_, nullptr)) {
        ++unanswered_;
        oa_stream::spawn(
            executor_,
            "khala leave",
            [](std::shared_ptr<net::WebSocket> left) -> Task<void> {
                co_await left->close(1000);
            }(socket)
        );
    }
}

Task<std::expected<std::string, KhalaEnd>>
KhalaLink::receive(Self self, std::shared_ptr<net::WebSocket> socket) {
    auto message = co_await socket->read();
    if (self->socket_ != socket) {
        co_return std::unexpected(KhalaEnd{.text = "Khala accepts connections, but does not answer"}
        );
    }
    if (!message) {
        co_return std::unexpected(KhalaEnd{
            .text = "Khala: " + message.error().message,
            .cut = true,
            .too_large = message.error().code == Code::too_large
        });
    }
    self->heard_ = Clock::now();
    co_return std::move(message->bytes);
}

KhalaEnd KhalaLink::end_of(const KhalaFrame& frame) {
    KhalaEnd end{.head = frame.head, .pause = frame.pause};
    switch (frame.kind) {
    case KhalaFrame::Kind::stale:
        end.why = Why::stale;
        end.text = "Khala no longer has what was missed";
        break;
    case KhalaFrame::Kind::slow:
        end.why = Why::slow;
        end.text = "Khala took this reader for too slow";
        break;
    case KhalaFrame::Kind::reauth:
        end.why = Why::denied;
        end.text = "Khala wants a new token";
        break;
    case KhalaFrame::Kind::failed:
        end.text = "Khala reported " + printable(frame.code, 40);
        if (frame.code == "forbidden_topic" || frame.code == "bad_topic" ||
            frame.code == "bad_subscription") {
            end.why = Why::settings;
            end.text += " (--khala-topic, the scopes of the token)";
        } else if (!frame.window.empty()) {
            end.why = Why::refused_build;
            end.text = "Khala: " + frame.window;
        }
        break;
    default:
        end.text = "Khala closed the channel";
    }
    return end;
}

KhalaEnd KhalaLink::end_of(const net::WebSocketOpened& refused, KhalaWire wire) {
    KhalaEnd end{.text = "Khala: " + refused.error.message};
    if (refused.status == 401 || (refused.status == 403 && wire == KhalaWire::phoenix)) {
        end.why = Why::denied;
        end.text = "Khala refuses the token";
    } else if (refused.status == 403) {
        const auto body = parse_json(refused.body);
        const auto code = body ? text_in(*body, "reason_code") : std::string();
        end.why = Why::settings;
        end.text = fmt::format(
            "Khala refuses the topic: {} (--khala-topic, the scopes of the token)",
            printable(code.empty() ? "403" : code, 40)
        );
    } else if (refused.status == 404) {
        end.why = Why::settings;
        end.text = "Khala is not at this address (--khala-url, --khala-wire)";
    }
    return end;
}

Task<void> KhalaLink::stop(Self self) {
    self->stopping_ = true;
    self->changed_.notify();
    if (const auto socket = self->socket_) {
        co_await socket->close(1000);
    }
}

} // namespace oa_stream::authority
