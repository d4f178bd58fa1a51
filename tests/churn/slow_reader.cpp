#include "slow_reader.hpp"

#include "watch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace oa_stream::churn {

namespace {

namespace tcp = asio::ip;

constexpr std::size_t k_sip = 256;
constexpr Millis k_pause{250};
constexpr int k_buffer = 4096;

/// The payload of a chunked body, as far as it is there; false once the bytes are no chunks.
bool unchunk(std::string_view body, std::string& payload, bool& ended) {
    while (true) {
        const auto line = body.find("\r\n");
        if (line == std::string_view::npos) {
            return true;
        }
        std::size_t size = 0;
        const auto [end, error] = std::from_chars(body.data(), body.data() + line, size, 16);
        if (error != std::errc{} || end != body.data() + line) {
            return false;
        }
        ended = size == 0;
        body.remove_prefix(line + 2);
        payload += body.substr(0, size);
        if (ended || body.size() < size + 2) {
            return true;
        }
        body.remove_prefix(size + 2);
    }
}

SlowAnswer understand(std::string_view bytes, bool closed) {
    SlowAnswer answer;
    const auto head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos || bytes.size() < 12) {
        answer.cut = closed;
        return answer;
    }
    std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status);
    std::string payload;
    bool ended = false;
    if (answer.status != 200 || !unchunk(bytes.substr(head + 4), payload, ended)) {
        return answer;
    }
    Watch watch;
    watch.feed(payload);
    answer.text = watch.text();
    answer.whole = ended && watch.judge().done();
    answer.cut = closed && !answer.whole;
    return answer;
}

} // namespace

Task<SlowAnswer>
read_slowly(net::Endpoint lane, std::string path, std::string body, Clock::time_point until) {
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    tcp::tcp::socket socket(co_await asio::this_coro::executor);
    socket.open(tcp::tcp::v4());
    socket.set_option(tcp::tcp::socket::receive_buffer_size(k_buffer));
    const tcp::tcp::endpoint peer(tcp::make_address(lane.host), lane.port);
    if (const auto [refused] = co_await socket.async_connect(peer, token); refused) {
        co_return SlowAnswer{};
    }
    const auto request = fmt::format(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n"
        "\r\n{}",
        path,
        lane.text(),
        body.size(),
        body
    );
    (void)co_await asio::async_write(socket, asio::buffer(request), token);
    std::string bytes;
    bool closed = false;
    while (!closed && !bytes.ends_with("\r\n0\r\n\r\n") && Clock::now() < until) {
        std::array<char, k_sip> sip{};
        const auto [error, size] = co_await socket.async_read_some(asio::buffer(sip), token);
        bytes.append(sip.data(), size);
        closed = static_cast<bool>(error);
        co_await sleep_for(k_pause);
    }
    co_return understand(bytes, closed);
}

} // namespace oa_stream::churn
