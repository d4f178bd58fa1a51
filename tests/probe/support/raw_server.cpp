#include "raw_server.hpp"

#include "oa_stream/base/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <charconv>
#include <list>
#include <optional>
#include <sstream>

namespace oa_stream::probe::test {
namespace {

using asio::ip::tcp;
constexpr auto k_values = asio::as_tuple(asio::use_awaitable);

RawRequest parse_request(std::string head) {
    RawRequest request;
    std::istringstream lines(head);
    std::string line;
    lines >> request.method >> request.path;
    std::getline(lines, line);
    while (std::getline(lines, line) && line != "\r") {
        const auto colon = line.find(':');
        if (colon != std::string::npos) {
            request.headers[to_lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
        }
    }
    request.head = std::move(head);
    return request;
}

std::size_t body_size(const RawRequest& request) {
    std::size_t size = 0;
    const std::string text = request.header("content-length");
    std::from_chars(text.data(), text.data() + text.size(), size);
    return size;
}

} // namespace

struct RawServer::State : std::enable_shared_from_this<State> {
    State(const asio::any_io_executor& where, Handler with)
        : executor(where), acceptor(where, {asio::ip::address_v4::loopback(), 0}),
          handler(std::move(with)), gate(where) {
        gate.expires_at(Clock::time_point::max());
    }

    asio::any_io_executor executor;
    tcp::acceptor acceptor;
    Handler handler;
    asio::steady_timer gate;
    bool gate_open = false;
    std::vector<RawRequest> requests{};
    std::list<tcp::socket> sockets{};

    static Task<void> accept(std::shared_ptr<State> self) {
        for (;;) {
            auto [error, socket] = co_await self->acceptor.async_accept(k_values);
            if (error) {
                co_return;
            }
            socket.set_option(tcp::no_delay(true));
            self->sockets.push_front(std::move(socket));
            asio::co_spawn(self->executor, serve(self, self->sockets.begin()), asio::detached);
        }
    }

    static Task<void> serve(std::shared_ptr<State> self, std::list<tcp::socket>::iterator socket) {
        co_await serve_requests(self, &*socket);
        boost::system::error_code ignored;
        socket->close(ignored);
    }

    static Task<void> serve_requests(std::shared_ptr<State> self, tcp::socket* socket) {
        std::string buffer;
        const auto [error, size] = co_await asio::async_read_until(
            *socket, asio::dynamic_buffer(buffer), "\r\n\r\n", k_values
        );
        if (error) {
            co_return;
        }
        RawRequest request = parse_request(buffer.substr(0, size));
        request.body = buffer.substr(size);
        if (const std::size_t wanted = body_size(request); request.body.size() < wanted) {
            const std::size_t have = request.body.size();
            request.body.resize(wanted);
            const auto [failed, got] = co_await asio::async_read(
                *socket, asio::buffer(request.body.data() + have, wanted - have), k_values
            );
            if (failed) {
                co_return;
            }
        }
        self->requests.push_back(request);
        Script script = self->handler(request);
        for (Step& step : script) {
            if (!co_await self->play(socket, &step)) {
                co_return;
            }
        }
    }

    Task<bool> play(tcp::socket* socket, Step* step) {
        if (const auto* wait = std::get_if<Wait>(step)) {
            co_await sleep_for(wait->time);
        } else if (std::holds_alternative<Hang>(*step)) {
            char byte = 0;
            co_await socket->async_read_some(asio::buffer(&byte, 1), k_values);
            co_return false;
        } else if (std::holds_alternative<Reset>(*step)) {
            socket->set_option(asio::socket_base::linger(true, 0));
            co_return false;
        } else if (const auto* late = std::get_if<AfterGate>(step)) {
            while (!gate_open) {
                co_await gate.async_wait(k_values);
            }
            co_return co_await put(socket, late->bytes);
        } else if (const auto* made = std::get_if<Later>(step)) {
            std::string bytes = made->bytes();
            co_return bytes.empty() || co_await put(socket, std::move(bytes));
        } else {
            co_return co_await put(socket, std::get<Send>(*step).bytes);
        }
        co_return true;
    }

    static Task<bool> put(tcp::socket* socket, std::string bytes) {
        const auto [error, size] =
            co_await asio::async_write(*socket, asio::buffer(bytes), k_values);
        co_return !error;
    }
};

std::string RawRequest::header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
}

RawServer::RawServer(const asio::any_io_executor& executor, Handler handler)
    : state_(std::make_shared<State>(executor, std::move(handler))) {
    asio::co_spawn(executor, State::accept(state_), asio::detached);
}

RawServer::~RawServer() {
    stop_listening();
    boost::system::error_code ignored;
    for (auto& socket : state_->sockets) {
        socket.close(ignored);
    }
}

std::string RawServer::url() const {
    return fmt::format("http://127.0.0.1:{}", port());
}

unsigned short RawServer::port() const {
    return state_->acceptor.local_endpoint().port();
}

const std::vector<RawRequest>& RawServer::requests() const {
    return state_->requests;
}

void RawServer::open_gate() {
    state_->gate_open = true;
    state_->gate.cancel();
}

void RawServer::stop_listening() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
}

std::string stream_head(const std::vector<std::string>& more) {
    std::vector<std::string> lines{
        "content-type: text/event-stream; charset=utf-8",
        "cache-control: no-cache, no-transform",
        "x-vercel-ai-ui-message-stream: v1",
        "x-accel-buffering: no",
        "x-request-id: req-1",
        "x-oa-revision: rev-a",
        "x-oa-thread-id: thread-1",
        "x-oa-turn-id: turn-1",
        "x-oa-compatibility-min-client-build-id: 20260101T000000Z",
        "x-oa-compatibility-min-schema-version: 1",
        "x-oa-compatibility-max-schema-version: 1",
        "transfer-encoding: chunked",
        "connection: close",
    };
    for (const std::string& line : more) {
        const std::string name = line.substr(0, line.find(':') + 1);
        std::erase_if(lines, [&](const std::string& old) { return old.starts_with(name); });
        if (line.size() > name.size()) {
            lines.push_back(line);
        }
    }
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (const std::string& line : lines) {
        head += line + "\r\n";
    }
    return head + "\r\n";
}

std::string json_answer(int status, std::string_view body, std::string_view more) {
    return fmt::format(
        "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n"
        "connection: close\r\n{}\r\n{}",
        status,
        body.size(),
        more,
        body
    );
}

std::string chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string last_chunk() {
    return "0\r\n\r\n";
}

std::string whole_stream(std::string_view body, const std::vector<std::string>& more) {
    return stream_head(more) + chunk(body) + last_chunk();
}

} // namespace oa_stream::probe::test
