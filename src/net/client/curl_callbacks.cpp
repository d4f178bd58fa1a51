// The callbacks through which libcurl reports on a running transfer.
#include "curl_transfer.hpp"
#include "server/head_fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::net {

namespace {

/// libcurl 7.88 limits the length of a head line, not of the whole head.
constexpr std::size_t k_head_limit = 256U << 10U;
/// Half of libcurl's read size: a peer that delivers this much is not a stream of words.
constexpr std::size_t k_much = 8U << 10U;

/// -1 for a moment that was not reached; libcurl reports 0 for it.
double seconds_of(CURL* easy, CURLINFO what) noexcept {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(easy, what, &microseconds);
    return microseconds > 0 ? static_cast<double>(microseconds) / 1e6 : -1;
}

std::size_t bytes_sent(CURL* easy) noexcept {
    curl_off_t bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &bytes);
    return static_cast<std::size_t>(bytes);
}

} // namespace

std::size_t CurlTransfer::on_header(char* bytes, std::size_t one, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_head_line({bytes, one * size});
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t one, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_body({bytes, one * size});
}

/// libcurl reports the connect time only after the TLS handshake. Without this, a handshake that
/// fails or hangs would look like a port that does not answer.
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
    // A pooled connection existed from the start.
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
    if (response_.raw_head.size() + line.size() > k_head_limit) {
        (void)stop_with(TransferFailure::malformed, std::string(k_head_too_long));
        return 0;
    }
    response_.raw_head += line;
    const bool last = line == "\r\n" || line == "\n";
    return !last || head_complete() ? line.size() : 0;
}

/// False when the transfer must stop.
bool CurlTransfer::head_complete() {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 1 && status != 101) {
        response_.raw_head.clear(); // interim answers come before the final one
        return true;
    }
    head_done_ = true;
    response_.status = static_cast<int>(status);
    response_.headers = parse_fields(response_.raw_head);
    response_.timings.head_s = since_start();
    enter(Phase::reading);
    // Without redirects and logins, libcurl only repeats a request before its answer's first byte.
    if (bytes_sent(easy_) == body().size()) {
        drop_body();
    }
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
    if (const auto loop = bytes.size() >= k_much ? loop_.lock() : nullptr) {
        loop->hurry();
    }
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

void CurlTransfer::note_connection() {
    auto& timings = response_.timings;
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

} // namespace oa_stream::net
