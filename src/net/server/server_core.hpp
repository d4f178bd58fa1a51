// State that all connections of one server share.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include "acceptor.hpp"

#include <array>
#include <memory>
#include <unordered_set>

namespace oa_stream::net {

class Connection;

struct ServerCore : std::enable_shared_from_this<ServerCore> {
    asio::any_io_executor executor;
    ServerLimits limits;
    Handler handler;
    ErrorPage error_page;
    std::shared_ptr<TlsIdentity> tls; ///< may be null
    HandOver hand_over = HandOver::whole;
    std::shared_ptr<BodyBudget> budget; ///< may be null
    std::shared_ptr<Acceptor> acceptor;
    std::unordered_set<std::shared_ptr<Connection>> connections;
    bool stopping = false;
    /// Read buffer of all connections. One thread reads, and unused bytes are copied, so an idle
    /// connection needs no buffer.
    std::array<char, 64U << 10U> scratch{};

    [[nodiscard]] bool room() const noexcept { return connections.size() < limits.connections; }
    void adopt(Descriptor socket);
    /// Call when the connection is closed.
    void forget(const std::shared_ptr<Connection>& connection);
    [[nodiscard]] Response page(const RefusedRequest& refused) const;
};

} // namespace oa_stream::net
