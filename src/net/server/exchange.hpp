// What a handler holds of one request.
#pragma once

#include "connection.hpp"

namespace oa_stream::net {

class ConnectionExchange final : public Exchange {
public:
    ConnectionExchange(std::shared_ptr<Connection> connection, Request request);
    ConnectionExchange(const ConnectionExchange&) = delete;
    ConnectionExchange& operator=(const ConnectionExchange&) = delete;
    ~ConnectionExchange() override;

    [[nodiscard]] const Request& request() const noexcept override { return request_; }
    [[nodiscard]] Task<Result<void>> respond(Response response) override;
    [[nodiscard]] Task<Result<std::shared_ptr<BodyStream>>>
    start_stream(int status, Headers headers) override;
    [[nodiscard]] bool peer_gone() const noexcept override;

private:
    std::shared_ptr<Connection> connection_;
    std::uint64_t id_;
    Request request_;
    bool answered_ = false;
};

} // namespace oa_stream::net
