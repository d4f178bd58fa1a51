#include "curl_transfer.hpp"

#include "head_fields.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::net {

namespace {

/// Longer waits are as good as for ever, and adding them to a time point would overflow.
constexpr Millis k_longest_wait = std::chrono::hours(24 * 365);

Clock::time_point after(Clock::time_point start, Millis wait) noexcept {
    return wait <= Millis::zero() ? Clock::time_point::max()
                                  : start + std::min(wait, k_longest_wait);
}

/// -1 for a moment that was not reached, which libcurl calls 0.
double seconds_of(CURL* easy, CURLINFO what) noexcept {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(easy, what, &microseconds);
    return microseconds > 0 ? static_cast<double>(microseconds) / 1e6 : -1;
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
        give_up(TransferFailure::malformed, "libcurl refused the transfer");
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

Task<ClientResponse> CurlTransfer::done(std::shared_ptr<CurlTransfer> self) {
    if (self->phase_ != Phase::over) {
        asio::steady_timer timer(co_await asio::this_coro::executor, Clock::time_point::max());
        self->waiter_ = &timer;
        (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        self->waiter_ = nullptr;
    }
    if (self->phase_ != Phase::over) {
        self->cancel(); // whoever waited was cancelled
    }
    co_return std::move(self->response_);
}

std::size_t CurlTransfer::on_header(char* bytes, std::size_t one, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_head_line({bytes, one * size});
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t one, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_body({bytes, one * size});
}

/// libcurl tells the time of a connection only once TLS stands too; a handshake that fails or hangs
/// would look like a port that does not answer.
CURLcode CurlTransfer::on_handshake(CURL* /*easy*/, void* /*context*/, void* self) {
    auto& transfer = *static_cast<CurlTransfer*>(self);
    transfer.response_.timings.connected_s = transfer.since_start();
    return CURLE_OK;
}

int CurlTransfer::
    on_connected(void* self, char* /*ip*/, char* /*local*/, int /*port*/, int /*local_port*/) {
    auto& transfer = *static_cast<CurlTransfer*>(self);
    transfer.note_connection();
    transfer.reached_ = true;
    // A connection from the pool was there from the start.
    transfer.response_.timings.connected_s = std::max(transfer.response_.timings.connected_s, 0.0);
    transfer.enter(Phase::waiting);
    return CURL_PREREQFUNC_OK;
}

std::size_t CurlTransfer::take_head_line(std::string_view line) {
    if (muted_) {
        return 0;
    }
    if (head_done_) {
        return line.size(); // a trailer
    }
    response_.raw_head += line;
    const bool last = line == "\r\n" || line == "\n";
    return !last || head_complete() ? line.size() : 0;
}

/// False when the transfer is to stop.
bool CurlTransfer::head_complete() {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 1 && status != 101) {
        response_.raw_head.clear(); // interim answers come before the one that counts
        return true;
    }
    head_done_ = true;
    response_.status = static_cast<int>(status);
    response_.headers = parse_fields(response_.raw_head);
    response_.timings.head_s = since_start();
    enter(Phase::reading);
    if (!handlers_.on_head) {
        return true;
    }
    switch (handlers_.on_head(response_)) {
    case Flow::go_on:
        return true;
    case Flow::pause:
        pause_first_ = true;
        return true;
    case Flow::stop:
        break;
    }
    return stop_with(TransferFailure::cancelled, "stopped by the reader");
}

std::size_t CurlTransfer::take_body(std::string_view bytes) {
    if (muted_) {
        return 0;
    }
    const auto now = Clock::now();
    if (response_.timings.first_byte_s < 0) {
        response_.timings.first_byte_s = since_start();
    }
    phase_since_ = now;
    auto flow = pause_first_ ? Flow::pause : Flow::go_on;
    if (collect_) {
        flow = collect(bytes) ? flow : Flow::stop;
    } else if (!pause_first_ && handlers_.on_bytes) {
        flow = handlers_.on_bytes(bytes, now);
    }
    switch (flow) {
    case Flow::go_on:
        return bytes.size();
    case Flow::pause:
        paused_ = true;
        return CURL_WRITEFUNC_PAUSE;
    case Flow::stop:
        break;
    }
    (void)stop_with(TransferFailure::cancelled, "stopped by the reader");
    return 0;
}

bool CurlTransfer::collect(std::string_view bytes) {
    if (response_.body.size() + bytes.size() > request_.max_body) {
        return stop_with(
            TransferFailure::too_large,
            fmt::format("the body is longer than {} bytes", request_.max_body)
        );
    }
    response_.body += bytes;
    return true;
}

/// Remembers why; the first reason stays.
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
    const auto failure = classify({
        .code = code,
        .os_error = static_cast<int>(os_error),
        .head_seen = head_done_,
        .text = error_.data(),
    });
    if (failure != TransferFailure::none) {
        (void)stop_with(failure, error_[0] != '\0' ? error_.data() : curl_easy_strerror(code));
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

/// Bytes only move phase_since_; the timer looks at it when it fires, so a fast stream costs no
/// timer work.
void CurlTransfer::arm_timer() {
    const auto total = after(response_.timings.started, request_.total_timeout);
    timer_.expires_at(std::min(phase_end(), total));
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
        give_up(TransferFailure::total_timeout, "the transfer took too long");
    } else if (now < phase_end()) {
        arm_timer();
    } else if (phase_ == Phase::connecting) {
        give_up(TransferFailure::connect_timeout, "not connected in time");
    } else if (phase_ == Phase::waiting) {
        give_up(TransferFailure::first_byte_timeout, "no response head in time");
    } else {
        give_up(TransferFailure::idle_timeout, "the body fell silent");
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
    const auto handlers = std::exchange(handlers_, {}); // they may hold the caller, or us
    if (waiter_ != nullptr) {
        waiter_->cancel();
    }
}

void CurlTransfer::note_connection() {
    auto& timings = response_.timings;
    timings.name_lookup_s = seconds_of(easy_, CURLINFO_NAMELOOKUP_TIME_T);
    if (const auto connected = seconds_of(easy_, CURLINFO_CONNECT_TIME_T); connected > 0) {
        timings.connected_s = connected;
    }
    timings.tls_s = seconds_of(easy_, CURLINFO_APPCONNECT_TIME_T);
    const char* ip = nullptr;
    long port = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(easy_, CURLINFO_PRIMARY_PORT, &port);
    if (!request_.unix_socket.empty()) {
        response_.peer = "unix";
    } else if (ip != nullptr && *ip != '\0') {
        response_.peer = Endpoint{ip, static_cast<std::uint16_t>(port)}.text();
    }
}

double CurlTransfer::since_start() const noexcept {
    return std::chrono::duration<double>(Clock::now() - response_.timings.started).count();
}

} // namespace oa_stream::net
