#include "oa_stream/net/http_client.hpp"

#include "curl_loop.hpp"
#include "curl_transfer.hpp"

#include <utility>

namespace oa_stream::net {

namespace {

/// The caller's handle: destroying it ends the transfer, so no handler outlives its owner.
class TransferHandle final : public Transfer {
public:
    explicit TransferHandle(std::shared_ptr<CurlTransfer> transfer)
        : transfer_(std::move(transfer)) {}
    TransferHandle(const TransferHandle&) = delete;
    TransferHandle& operator=(const TransferHandle&) = delete;
    ~TransferHandle() override { transfer_->cancel(); }

    void resume() override { transfer_->resume(); }
    void cancel() override { transfer_->cancel(); }
    [[nodiscard]] Task<ClientResponse> done() override { return CurlTransfer::done(transfer_); }

private:
    std::shared_ptr<CurlTransfer> transfer_;
};

std::shared_ptr<Transfer> begin(
    const std::shared_ptr<CurlLoop>& loop,
    ClientRequest request,
    StreamHandlers handlers,
    bool collect
) {
    auto transfer =
        std::make_shared<CurlTransfer>(loop, std::move(request), std::move(handlers), collect);
    loop->run([transfer] { transfer->start(); });
    return std::make_shared<TransferHandle>(std::move(transfer));
}

Task<ClientResponse> run_fetch(std::shared_ptr<CurlLoop> loop, ClientRequest request) {
    const auto transfer = begin(loop, std::move(request), {}, true);
    loop.reset(); // the client may be destroyed while we wait
    co_return co_await transfer->done();
}

class Client final : public HttpClient {
public:
    Client(const asio::any_io_executor& executor, Millis pause, std::size_t connections)
        : loop_(std::make_shared<CurlLoop>(executor, pause, connections)) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() override {
        loop_->run([loop = loop_] { loop->shut(); });
    }

    [[nodiscard]] Task<ClientResponse> fetch(ClientRequest request) override {
        return run_fetch(loop_, std::move(request));
    }

    [[nodiscard]] std::shared_ptr<Transfer>
    stream(ClientRequest request, StreamHandlers handlers) override {
        return begin(loop_, std::move(request), std::move(handlers), false);
    }

    [[nodiscard]] TlsTrouble tls_trouble() const noexcept override { return loop_->tls_trouble(); }

private:
    std::shared_ptr<CurlLoop> loop_;
};

} // namespace

std::unique_ptr<HttpClient>
HttpClient::make(const asio::any_io_executor& executor, Millis pause, std::size_t connections) {
    return std::make_unique<Client>(executor, pause, connections);
}

} // namespace oa_stream::net
