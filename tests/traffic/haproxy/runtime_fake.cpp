#include "runtime_fake.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace oa_stream::traffic::testing {

namespace asio = boost::asio;

namespace {

constexpr auto k_awaitable = asio::as_tuple(asio::use_awaitable);

template <class Socket>
asio::awaitable<void> answer_one(Socket socket, RuntimeFake::Answer answer) {
    std::string line;
    const auto [error, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(line), '\n', k_awaitable);
    if (!error) {
        const std::string text = answer(line.substr(0, size - 1));
        (void)co_await asio::async_write(socket, asio::buffer(text), k_awaitable);
    }
}

} // namespace

struct RuntimeFake::State {
    State(asio::io_context& io, std::string at, Answer says)
        : unix_acceptor(io), tcp_acceptor(io), path(std::move(at)), answer(std::move(says)) {}

    template <class Acceptor>
    static asio::awaitable<void> serve(std::shared_ptr<State> self, Acceptor* acceptor) {
        while (acceptor->is_open()) {
            auto [error, socket] = co_await acceptor->async_accept(k_awaitable);
            if (error) {
                co_return;
            }
            const auto executor = socket.get_executor();
            asio::co_spawn(executor, answer_one(std::move(socket), self->answer), asio::detached);
        }
    }
    asio::local::stream_protocol::acceptor unix_acceptor;
    asio::ip::tcp::acceptor tcp_acceptor;
    std::string path;
    Answer answer;
};

RuntimeFake::RuntimeFake(asio::io_context& io, std::string path, Answer answer)
    : state_(std::make_shared<State>(io, std::move(path), std::move(answer))) {
    if (state_->path.empty()) {
        state_->tcp_acceptor =
            asio::ip::tcp::acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
        asio::co_spawn(io, State::serve(state_, &state_->tcp_acceptor), asio::detached);
    } else {
        state_->unix_acceptor = asio::local::stream_protocol::acceptor(
            io, asio::local::stream_protocol::endpoint(state_->path)
        );
        asio::co_spawn(io, State::serve(state_, &state_->unix_acceptor), asio::detached);
    }
}

RuntimeFake::~RuntimeFake() {
    boost::system::error_code ignored;
    state_->unix_acceptor.close(ignored);
    state_->tcp_acceptor.close(ignored);
}

std::string RuntimeFake::address() const {
    return state_->path.empty()
               ? "127.0.0.1:" + std::to_string(state_->tcp_acceptor.local_endpoint().port())
               : state_->path;
}

} // namespace oa_stream::traffic::testing
