#include "fault_relay.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <filesystem>
#include <vector>

namespace oa_stream::traffic::testing {
namespace {

using Unix = asio::local::stream_protocol;
constexpr auto k_awaitable = asio::as_tuple(asio::use_awaitable);

struct Session {
    explicit Session(Unix::socket accepted)
        : client(std::move(accepted)), server(client.get_executor()) {}
    void close() {
        boost::system::error_code ignored;
        client.close(ignored);
        server.close(ignored);
    }
    Unix::socket client;
    Unix::socket server;
};
using SessionPtr = std::shared_ptr<Session>;

} // namespace

struct FaultRelay::State {
    State(asio::io_context& io, std::string listen_path, std::string forward_path, IsWrite write)
        : acceptor(io), path(std::move(listen_path)), forward(std::move(forward_path)),
          is_write(std::move(write)) {}

    Unix::acceptor acceptor;
    std::string path;
    std::string forward;
    IsWrite is_write;
    Trouble trouble = Trouble::none;
    std::size_t writes = 0;
    std::vector<std::string> requests;
    std::vector<std::weak_ptr<Session>> sessions;

    void open() {
        std::filesystem::remove(path);
        acceptor.open();
        acceptor.bind(Unix::endpoint(path));
        acceptor.listen();
    }
    void shut() {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        std::filesystem::remove(path);
        for (const auto& weak : sessions) {
            if (const auto session = weak.lock()) {
                session->close();
            }
        }
        sessions.clear();
    }
};

struct FaultRelay::Relaying {
    using StatePtr = std::shared_ptr<State>;
    static Task<void> to_server(StatePtr state, SessionPtr session) {
        std::array<char, 65536> buffer{};
        while (true) {
            const auto [error, size] =
                co_await session->client.async_read_some(asio::buffer(buffer), k_awaitable);
            if (error) {
                break;
            }
            const std::string text(buffer.data(), size);
            const bool write = state->is_write(text);
            state->requests.push_back(text);
            state->writes += write ? 1 : 0;
            if (state->trouble == Trouble::silent) {
                continue;
            }
            if (state->trouble == Trouble::garbage) {
                (void)co_await asio::async_write(
                    session->client, asio::buffer(std::string_view("?!\x01 what\n\n")), k_awaitable
                );
                break;
            }
            if (write && state->trouble == Trouble::lost_request) {
                break;
            }
            (void)co_await asio::async_write(session->server, asio::buffer(text), k_awaitable);
        }
        session->close();
    }

    static Task<void> to_client(StatePtr state, SessionPtr session) {
        std::array<char, 65536> buffer{};
        while (true) {
            const auto [error, size] =
                co_await session->server.async_read_some(asio::buffer(buffer), k_awaitable);
            if (error || (state->trouble == Trouble::lost_answer && state->writes > 0)) {
                break;
            }
            const bool half = state->trouble == Trouble::half_answer;
            const std::size_t part = half ? size / 2 : size;
            (void)co_await asio::async_write(
                session->client, asio::buffer(buffer.data(), part), k_awaitable
            );
            if (half) {
                break;
            }
        }
        session->close();
    }

    static Task<void> accept(StatePtr state) {
        while (state->acceptor.is_open()) {
            auto [error, socket] = co_await state->acceptor.async_accept(k_awaitable);
            if (error) {
                break;
            }
            auto session = std::make_shared<Session>(std::move(socket));
            boost::system::error_code refused;
            session->server.connect(Unix::endpoint(state->forward), refused);
            if (refused) {
                continue;
            }
            state->sessions.push_back(session);
            const auto executor = session->client.get_executor();
            asio::co_spawn(executor, to_server(state, session), asio::detached);
            asio::co_spawn(executor, to_client(state, session), asio::detached);
        }
    }
};

FaultRelay::FaultRelay(
    asio::io_context& io, std::string listen, std::string forward, IsWrite is_write
)
    : state_(std::make_shared<State>(io, std::move(listen), std::move(forward), std::move(is_write))
      ) {
    state_->open();
    asio::co_spawn(io, Relaying::accept(state_), asio::detached);
}

FaultRelay::~FaultRelay() {
    state_->shut();
}

void FaultRelay::trouble(Trouble trouble) {
    const bool was_gone = state_->trouble == Trouble::gone;
    state_->trouble = trouble;
    if (trouble == Trouble::gone) {
        state_->shut();
    } else if (was_gone) {
        state_->open();
        asio::co_spawn(state_->acceptor.get_executor(), Relaying::accept(state_), asio::detached);
    }
}

void FaultRelay::forward_to(std::string path) {
    state_->forward = std::move(path);
}

std::size_t FaultRelay::writes() const {
    return state_->writes;
}

const std::string& FaultRelay::path() const {
    return state_->path;
}

const std::vector<std::string>& FaultRelay::requests() const {
    return state_->requests;
}

} // namespace oa_stream::traffic::testing
