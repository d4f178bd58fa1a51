#include "support.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace oa_stream::net::testing {

using asio::generic::stream_protocol;
using Error_code = boost::system::error_code;

void Loop::until(const std::function<bool()>& done, std::string_view what) {
    const auto deadline = Clock::now() + k_patience;
    const auto guard = asio::make_work_guard(context);
    while (!done()) {
        context.restart();
        if (context.run_one_until(deadline) == 0 && Clock::now() >= deadline) {
            throw std::runtime_error(fmt::format("waited in vain for {}", what));
        }
    }
}

void Loop::settle() {
    context.restart();
    context.poll();
}

namespace {

stream_protocol::endpoint address_of(const Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) {
        return asio::local::stream_protocol::endpoint(endpoint.unix_path);
    }
    return asio::ip::tcp::endpoint(asio::ip::make_address(endpoint.host), endpoint.port);
}

int family_of(const Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) {
        return AF_UNIX;
    }
    return endpoint.host.find(':') == std::string::npos ? AF_INET : AF_INET6;
}

int status_of(std::string_view head) {
    int status = 0;
    const auto text = head.substr(std::min<std::size_t>(9, head.size()));
    std::from_chars(text.data(), text.data() + std::min<std::size_t>(3, text.size()), status);
    return status;
}

Headers fields_of(std::string_view head) {
    Headers fields;
    for (auto at = head.find("\r\n"); at != std::string_view::npos;) {
        const auto end = head.find("\r\n", at + 2);
        const auto line = head.substr(at + 2, end - at - 2);
        if (const auto colon = line.find(": "); colon != std::string_view::npos) {
            fields.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
        }
        at = end;
    }
    return fields;
}

} // namespace

std::string Received::take_until(std::string_view mark) {
    std::size_t at = std::string::npos;
    loop_.until(
        [&] {
            at = received_.find(mark);
            return at != std::string::npos || ended_;
        },
        mark
    );
    if (at == std::string::npos) {
        throw std::runtime_error(
            fmt::format("the connection ended before '{}'; received '{}'", mark, received_)
        );
    }
    return take(at + mark.size());
}

std::string Received::take(std::size_t count) {
    loop_.until([&] { return received_.size() >= count || ended_; }, "bytes");
    auto bytes = received_.substr(0, count);
    received_.erase(0, bytes.size());
    return bytes;
}

Peer::Peer(Loop& loop, const Endpoint& endpoint, int receive_buffer)
    : Received(loop), socket_(loop.context) {
    const auto address = address_of(endpoint);
    socket_.open(stream_protocol(family_of(endpoint), 0));
    if (receive_buffer != 0) {
        socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
    }
    std::optional<Error_code> connected;
    socket_.async_connect(address, [&](const Error_code& error) { connected = error; });
    loop_.until([&] { return connected.has_value(); }, "a connection");
    if (*connected) {
        throw boost::system::system_error(*connected);
    }
    read();
}

Peer::Peer(Loop& loop, Socket socket) : Received(loop), socket_(std::move(socket)) {
    read();
}

Peer::~Peer() {
    *alive_ = false;
    Error_code ignored;
    socket_.close(ignored);
}

void Peer::read() {
    if (!reading_ || read_armed_ || ended_) {
        return;
    }
    read_armed_ = true;
    socket_.non_blocking(true);
    piece_.resize(64U << 10U);
    socket_.async_wait(Socket::wait_read, [this, alive = alive_](const Error_code& error) {
        if (!*alive) {
            return;
        }
        read_armed_ = false;
        if (error || !reading_) {
            return;
        }
        Error_code failed;
        const auto size = socket_.read_some(asio::buffer(piece_), failed);
        received_.append(piece_, 0, size);
        ++reads_;
        ended_ = failed && failed != asio::error::would_block;
        reset_ = failed == asio::error::connection_reset;
        read();
    });
}

void Peer::resume_reading() {
    reading_ = true;
    read();
}

void Peer::send(std::string_view bytes) {
    send_later(std::string(bytes));
    loop_.until([&] { return !writing_; }, "the server to take the bytes");
}

void Peer::send_later(std::string bytes) {
    outgoing_ += bytes;
    write();
}

void Peer::write() {
    if (writing_ || outgoing_.empty()) {
        return;
    }
    writing_ = true;
    auto bytes = std::make_shared<std::string>(std::exchange(outgoing_, {}));
    asio::async_write(
        socket_,
        asio::buffer(*bytes),
        [this, bytes, alive = alive_](const Error_code& error, std::size_t) {
            if (!*alive) {
                return;
            }
            writing_ = false;
            if (!error) {
                write();
            }
        }
    );
}

void Peer::half_close() {
    socket_.shutdown(Socket::shutdown_send);
}

void Peer::close() {
    socket_.close();
}

void Peer::reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
}

std::string Peer::take_chunks() {
    std::string body;
    for (;;) {
        const auto line = take_until("\r\n");
        std::size_t size = 0;
        std::from_chars(line.data(), line.data() + line.size(), size, 16);
        auto chunk = take(size + 2);
        if (size == 0) {
            return body;
        }
        body.append(chunk, 0, size);
    }
}

Answer Peer::answer(bool head_request) {
    Answer answer;
    answer.head = take_until("\r\n\r\n");
    answer.status = status_of(answer.head);
    answer.headers = fields_of(answer.head);
    const auto length = answer.headers.get("content-length");
    if (head_request || answer.status == 204 || answer.status / 100 == 1) {
        return answer;
    }
    if (length) {
        answer.body = take(std::stoul(std::string(*length)));
    } else if (answer.headers.has("transfer-encoding")) {
        answer.body = take_chunks();
    } else {
        (void)wait_end();
        answer.body = std::exchange(received_, {});
    }
    return answer;
}

bool Peer::wait_end() {
    loop_.until([&] { return ended_; }, "the connection's end");
    return reset_;
}

namespace {

using Inbox = std::deque<std::shared_ptr<Exchange>>;

Task<void> hand_over(std::shared_ptr<Inbox> inbox, std::shared_ptr<Exchange> exchange) {
    inbox->push_back(std::move(exchange));
    co_return;
}

Response plain_page(const RefusedRequest& refused) {
    return {refused.status, {{"x-page", "server"}}, std::string(refused.reason)};
}

} // namespace

TestServer::TestServer(Loop& loop, ServerLimits limits, Endpoint endpoint, ListenOptions options)
    : loop_(loop) {
    auto made = HttpServer::listen(
        loop.context.get_executor(),
        endpoint,
        limits,
        [inbox = inbox_](std::shared_ptr<Exchange> exchange) {
            return hand_over(inbox, std::move(exchange));
        },
        &plain_page,
        std::move(options)
    );
    if (!made) {
        throw std::runtime_error(made.error().text());
    }
    server = std::move(*made);
}

std::shared_ptr<Exchange> TestServer::next() {
    loop_.until([&] { return !inbox_->empty(); }, "a request");
    auto exchange = std::move(inbox_->front());
    inbox_->pop_front();
    return exchange;
}

RawServer::RawServer(Loop& loop)
    : loop_(loop),
      acceptor_(loop.context, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
}

Endpoint RawServer::endpoint() const {
    return {"127.0.0.1", acceptor_.local_endpoint().port()};
}

std::string RawServer::url(std::string_view path) const {
    return url_of(endpoint(), path);
}

std::unique_ptr<Peer> RawServer::accept() {
    std::optional<asio::ip::tcp::socket> socket;
    acceptor_.async_accept([&](const Error_code& error, asio::ip::tcp::socket accepted) {
        if (!error) {
            socket.emplace(std::move(accepted));
        }
    });
    loop_.until([&] { return socket.has_value(); }, "the client");
    return std::make_unique<Peer>(loop_, Peer::Socket(std::move(*socket)));
}

void Both::fetch(ClientRequest request) {
    if (request.url.empty()) {
        request.url = server.url("/path?q=1");
    }
    answer = loop.start(client->fetch(std::move(request)));
}

std::string Both::ask(ClientRequest request) {
    fetch(std::move(request));
    peer = server.accept();
    return peer->take_until("\r\n\r\n");
}

const ClientResponse& Both::result() {
    loop.until([&] { return answer->has_value(); }, "the client's answer");
    return **answer;
}

std::string url_of(const Endpoint& endpoint, std::string_view path) {
    return fmt::format("http://{}{}", endpoint.text(), path);
}

std::string get_request(std::string_view path, std::string_view extra) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", path, extra);
}

Slice slice(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const std::string_view bytes = *owner;
    return {std::move(owner), bytes};
}

std::shared_ptr<BodyStream> begin(Loop& loop, TestServer& server, Headers headers) {
    auto stream = loop.get(server.next()->start_stream(200, std::move(headers)));
    if (!stream) {
        throw std::runtime_error(stream.error().text());
    }
    return *stream;
}

BodyStream::State send(BodyStream& stream, std::string text) {
    const auto piece = slice(std::move(text));
    return stream.send(std::span(&piece, 1));
}

Streaming::Streaming(Reads reads, ServerLimits limits)
    : server(loop, limits),
      peer(loop, server.endpoint(), reads == Reads::not_yet ? k_small_buffer : 0) {
    if (reads == Reads::not_yet) {
        peer.pause_reading();
    }
    peer.send(get_request());
    stream = begin(loop, server);
}

} // namespace oa_stream::net::testing
