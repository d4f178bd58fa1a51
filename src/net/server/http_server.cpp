#include "oa_stream/net/http_server.hpp"

#include "connection.hpp"
#include "server_core.hpp"

#include <boost/system/system_error.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <new>
#include <vector>

namespace oa_stream::net {

namespace {

/// Bytes that the kernel may hold unsent for one connection. Otherwise a slow reader hides behind
/// megabytes of buffer, and thousands of slow readers use up the memory.
constexpr int k_unsent_limit = 256 << 10;

void tune(int fd, Millis unacknowledged) {
    const int on = 1;
    const auto patience =
        static_cast<unsigned>(std::clamp<Millis::rep>(unacknowledged.count(), 0, INT_MAX));
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &k_unsent_limit, sizeof k_unsent_limit);
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

class Server final : public HttpServer {
public:
    explicit Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // only lack of memory can throw, which ends the program
    ~Server() override { shut(); }

    [[nodiscard]] Endpoint endpoint() const override { return core_->acceptor->endpoint(); }

    void stop_accepting() override {
        core_->stopping = true;
        for (const auto& connection : snapshot()) {
            connection->wind_down(); // first, because this makes room
        }
        core_->acceptor->finish();
    }

    void close() override { shut(); }

    [[nodiscard]] std::size_t connections() const noexcept override {
        return core_->connections.size();
    }

    [[nodiscard]] std::size_t answering() const noexcept override {
        return static_cast<std::size_t>(
            std::ranges::count_if(core_->connections, &Connection::answering)
        );
    }

private:
    void shut() {
        core_->stopping = true;
        core_->acceptor->stop();
        for (const auto& connection : snapshot()) {
            connection->cut();
        }
    }

    /// A copy, because closing a connection removes it from the set.
    [[nodiscard]] std::vector<std::shared_ptr<Connection>> snapshot() const {
        return {core_->connections.begin(), core_->connections.end()};
    }

    std::shared_ptr<ServerCore> core_;
};

} // namespace

void ServerCore::adopt(Descriptor socket) {
    tune(
        socket.get(), limits.unacknowledged_timeout
    ); // a unix socket rejects these options and does not need them
    try {
        auto peer = peer_text(socket.get());
        std::unique_ptr<TlsSession> session;
        if (tls) {
            session = TlsSession::accept(socket.get(), tls->context());
            if (!session) {
                return; // out of memory: that client sees a closed connection
            }
        }
        auto connection = std::make_shared<Connection>(
            shared_from_this(), std::move(socket), std::move(peer), std::move(session)
        );
        connections.insert(connection);
        connection->start(); // without memory it closes itself
    } catch (const std::bad_alloc&) {
        return;
    } catch (const boost::system::system_error&) {
        return; // the kernel refuses to watch another socket: that client sees a closed connection
    }
}

void ServerCore::forget(const std::shared_ptr<Connection>& connection) {
    connections.erase(connection);
    if (!stopping) {
        acceptor->resume();
    }
}

Response ServerCore::page(const RefusedRequest& refused) const {
    if (error_page) {
        return error_page(refused);
    }
    return {
        refused.status,
        {{"content-type", "text/plain; charset=utf-8"}},
        std::string(refused.reason) + "\n"
    };
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(
    const asio::any_io_executor& executor,
    const Endpoint& endpoint,
    ServerLimits limits,
    Handler handler,
    ErrorPage error_page,
    ListenOptions options
) {
    OA_TRY(auto listener, open_listener(endpoint, options.unix_mode));
    auto core = std::make_shared<ServerCore>();
    core->executor = executor;
    core->limits = limits;
    core->handler = std::move(handler);
    core->error_page = std::move(error_page);
    core->tls = std::move(options.tls);
    core->hand_over = options.hand_over;
    core->budget = std::move(options.budget);
    // The core outlives its acceptor's use of it, because stop() drops the hooks.
    core->acceptor = std::make_shared<Acceptor>(
        executor,
        std::move(listener),
        Acceptor::Hooks{
            .room = [raw = core.get()] { return raw->room(); },
            .accepted = [raw = core.get()](Descriptor socket) { raw->adopt(std::move(socket)); },
        }
    );
    core->acceptor->start();
    return std::make_unique<Server>(std::move(core));
}

} // namespace oa_stream::net
