#include "curl_transfer.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/net/reach_advice.hpp"

#include "curl_trace.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::net {

namespace {

/// Longer waits are treated as endless; adding them to a time point would overflow.
constexpr Millis k_longest_wait = std::chrono::hours(24 * 365);
constexpr int k_nudges = 8; ///< per connect timeout

Clock::time_point after(Clock::time_point start, Millis wait) noexcept {
    return wait <= Millis::zero() ? Clock::time_point::max()
                                  : start + std::min(wait, k_longest_wait);
}

/// "WHAT in 5s"
std::string within(std::string_view what, Millis limit) {
    return fmt::format("{} in {}", what, format_duration(limit));
}

} // namespace

CurlTransfer::CurlTransfer(
    const std::shared_ptr<CurlLoop>& loop,
    ClientRequest request,
    StreamHandlers handlers,
    bool collect
)
    : loop_(loop), executor_(loop->executor()), request_(std::move(request)),
      handlers_(std::move(handlers)), easy_(curl_easy_init()), timer_(executor_),
      collect_(collect) {
    response_.timings.started = Clock::now();
}

CurlTransfer::~CurlTransfer() {
    curl_easy_cleanup(easy_);
}

void CurlTransfer::start() {
    const auto loop = loop_.lock();
    if (phase_ == Phase::over || !loop) {
        return;
    }
    if (!configure()) {
        finish();
        return;
    }
    enter(Phase::connecting);
    if (!loop->add(easy_, shared_from_this())) {
        give_up(TransferFailure::cancelled, "the client was closed");
    }
}

void CurlTransfer::resume() {
    if (const auto loop = loop_.lock()) {
        loop->run([self = shared_from_this(), raw = loop.get()] {
            self->pause_first_ = false;
            if (!self->paused_ || self->phase_ == Phase::over) {
                return;
            }
            self->paused_ = false;
            self->enter(Phase::reading);
            auto code = CURLE_OK;
            raw->inside([&] { code = curl_easy_pause(self->easy_, CURLPAUSE_CONT); });
            if (code != CURLE_OK) {
                raw->remove(self->easy_);
                self->ended(code);
            }
        });
    }
}

void CurlTransfer::cancel() {
    if (phase_ == Phase::over) {
        return;
    }
    muted_ = true;
    (void)stop_with(TransferFailure::cancelled, "cancelled");
    if (const auto loop = loop_.lock()) {
        loop->run([self = shared_from_this(), raw = loop.get()] {
            if (self->phase_ != Phase::over) {
                raw->remove(self->easy_);
                self->finish();
            }
        });
    }
}

void CurlTransfer::abort(CurlLoop& loop) {
    muted_ = true;
    (void)stop_with(TransferFailure::cancelled, "the client was closed");
    loop.remove(easy_);
    finish();
}

/// Registers the waiting timer while a coroutine waits. An executor that is destroyed meanwhile
/// destroys that coroutine first, and only then the handle that ends the transfer.
class CurlTransfer::Waiting {
public:
    Waiting(CurlTransfer& transfer, asio::steady_timer& timer) : transfer_(&transfer) {
        transfer.waiter_ = &timer;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { transfer_->waiter_ = nullptr; }

private:
    CurlTransfer* transfer_;
};

Task<ClientResponse> CurlTransfer::done(std::shared_ptr<CurlTransfer> self) {
    if (self->phase_ != Phase::over) {
        asio::steady_timer timer(co_await asio::this_coro::executor, Clock::time_point::max());
        const Waiting waiting(*self, timer);
        (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (self->phase_ != Phase::over) {
        self->cancel(); // the waiting coroutine was cancelled
    }
    co_return std::move(self->response_);
}

/// Records why the transfer ends; the first reason stays.
bool CurlTransfer::stop_with(TransferFailure failure, std::string text) {
    if (response_.failure == TransferFailure::none) {
        response_.failure = failure;
        response_.failure_text = std::move(text);
    }
    return false;
}

void CurlTransfer::ended(CURLcode code) {
    if (phase_ == Phase::over) {
        return;
    }
    long os_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
    const CurlEnding ending{
        .code = code,
        .os_error = static_cast<int>(os_error),
        .head_seen = head_done_,
        .text = error_.data(),
    };
    if (const auto failure = classify(ending); failure != TransferFailure::none) {
        (void)stop_with(failure, describe(ending));
    }
    if (const auto loop = loop_.lock()) {
        loop->remove(easy_);
    }
    finish();
}

void CurlTransfer::enter(Phase phase) {
    phase_ = phase;
    phase_since_ = Clock::now();
    arm_timer();
}

/// Received bytes only update phase_since_, which the timer checks when it fires, so a fast stream
/// causes no timer work.
void CurlTransfer::arm_timer() {
    const auto total = after(response_.timings.started, request_.total_timeout);
    const auto nudge = phase_ == Phase::connecting
                           ? after(Clock::now(), request_.connect_timeout / k_nudges)
                           : Clock::time_point::max();
    timer_.expires_at(std::min({phase_end(), total, nudge}));
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock(); self && !error) {
            self->on_timer();
        }
    });
}

Clock::time_point CurlTransfer::phase_end() const noexcept {
    switch (phase_) {
    case Phase::connecting:
        return after(response_.timings.started, request_.connect_timeout);
    case Phase::waiting:
        return after(phase_since_, request_.first_byte_timeout);
    case Phase::reading:
        return paused_ ? Clock::time_point::max() : after(phase_since_, request_.idle_timeout);
    case Phase::over:
        break;
    }
    return Clock::time_point::max();
}

void CurlTransfer::on_timer() {
    if (phase_ == Phase::over) {
        return;
    }
    const auto now = Clock::now();
    if (now >= after(response_.timings.started, request_.total_timeout)) {
        give_up(
            TransferFailure::total_timeout,
            fmt::format("the transfer took longer than {}", format_duration(request_.total_timeout))
        );
    } else if (now < phase_end()) {
        nudge();
        arm_timer();
    } else if (phase_ == Phase::connecting) {
        give_up(
            TransferFailure::connect_timeout, within("no connection", request_.connect_timeout)
        );
    } else if (phase_ == Phase::waiting) {
        give_up(
            TransferFailure::first_byte_timeout,
            within("no response head", request_.first_byte_timeout)
        );
    } else {
        give_up(
            TransferFailure::idle_timeout, within("nothing more of the body", request_.idle_timeout)
        );
    }
}

/// libcurl 7.88 abandons an address in one call, and tries the next one in a later call that it
/// does not request.
void CurlTransfer::nudge() {
    if (const auto loop = loop_.lock(); loop && phase_ == Phase::connecting) {
        loop->inside([this] {
            curl_easy_pause(easy_, CURLPAUSE_RECV);
            curl_easy_pause(easy_, CURLPAUSE_CONT);
        });
    }
}

void CurlTransfer::give_up(TransferFailure failure, std::string text) {
    (void)stop_with(failure, std::move(text));
    if (const auto loop = loop_.lock()) {
        loop->remove(easy_);
    }
    finish();
}

void CurlTransfer::finish() {
    if (phase_ == Phase::over) {
        return;
    }
    phase_ = Phase::over;
    response_.timings.end_s = since_start();
    timer_.cancel();
    if (!reached_) {
        note_connection();
    }
    const bool failed = response_.failure != TransferFailure::none &&
                        response_.failure != TransferFailure::cancelled;
    if (const auto loop = loop_.lock(); loop && failed) {
        loop->note_tls_trouble(tls_trouble(response_));
    }
    if (traces(TraceLevel::requests)) {
        trace(TraceLevel::requests, trace_line(request_, response_));
    }
    drop_body();
    // The handlers may own the caller or this transfer.
    const auto handlers = std::exchange(handlers_, {});
    if (waiter_ != nullptr) {
        waiter_->cancel();
    }
}

double CurlTransfer::since_start() const noexcept {
    return seconds(Clock::now() - response_.timings.started);
}

} // namespace oa_stream::net
