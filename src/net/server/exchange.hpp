// A handler's view of one request.
#pragma once

#include "connection.hpp"

namespace oa_stream::net {

class ConnectionExchange final : public Exchange {
public:
    /// `whole`: the body has arrived completely.
    ConnectionExchange(std::shared_ptr<Connection> connection, Request request, bool whole);
    ConnectionExchange(const ConnectionExchange&) = delete;
    ConnectionExchange& operator=(const ConnectionExchange&) = delete;
    ~ConnectionExchange() override;

    [[nodiscard]] const Request& request() const noexcept override { return request_; }
    [[nodiscard]] Task<Result<void>>
    read_body(std::unique_ptr<BodySieve> sieve, std::string owner) override;
    void drop_body() override;
    [[nodiscard]] Task<Result<void>> respond(Response response) override;
    [[nodiscard]] std::uint64_t body_sent() const noexcept override;
    [[nodiscard]] Task<Result<std::shared_ptr<BodyStream>>>
    start_stream(int status, Headers headers) override;
    [[nodiscard]] bool peer_gone() const noexcept override;
    [[nodiscard]] bool connection_lost() const noexcept override;

private:
    [[nodiscard]] Task<Result<void>> take_body(std::shared_ptr<BodyRead> read);

    std::shared_ptr<Connection> connection_;
    std::uint64_t id_;
    Request request_;
    std::shared_ptr<Delivery> delivery_; ///< of the whole answer
    BodyBudget::Share share_{}; ///< of the request's body
    bool body_read_ = false;
    bool answered_ = false;
};

} // namespace oa_stream::net
