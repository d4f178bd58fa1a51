// The listeners of serve: addresses, TLS, and the number of connections that fit.
#pragma once

#include "oa_stream/base/log.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_server.hpp"
#include "oa_stream/net/tls.hpp"

#include "core/command.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct ListenerOptions {
    std::vector<net::Endpoint> endpoints{}; ///< at least one
    std::filesystem::path certificate{}; ///< empty: no TLS; unix sockets never use TLS
    std::filesystem::path key{};
    unsigned unix_mode = 0600;
    net::ServerLimits limits{.sieved_bytes = 64U << 20U};
    std::size_t total_bodies = 64U << 20U; ///< of bodies being read, for all listeners together
    std::size_t total_requests = 64U
                                 << 20U; ///< of bodies whose turn was not accepted yet, likewise

    /// Only processes of this machine can reach the listeners.
    [[nodiscard]] bool loopback() const noexcept { return exposed() == nullptr; }
    /// The first listener that others can reach; null: none.
    [[nodiscard]] const net::Endpoint* exposed() const noexcept;
    /// Certificate and key must be given together. Code::usage.
    [[nodiscard]] Result<void> check_pair() const;
    /// Whether certificate and key, if any, can be used: checked before anything is started.
    [[nodiscard]] Result<void> check_certificate() const;
};

/// "HOST:PORT" or "unix:/PATH".
[[nodiscard]] Result<net::Endpoint> read_endpoint(std::string_view text);
/// "0660": the mode of a unix socket.
[[nodiscard]] Result<unsigned> read_mode(std::string_view text);

/// The listeners of one process, with one handler.
class Listeners {
public:
    /// As HttpServer::listen and TlsIdentity::load.
    [[nodiscard]] static Result<std::unique_ptr<Listeners>> open(
        const asio::any_io_executor& executor,
        const ListenerOptions& options,
        const net::Handler& handler,
        const net::ErrorPage& error_page
    );
    /// With the real ports, in the given order.
    [[nodiscard]] std::vector<std::string> urls() const;
    [[nodiscard]] net::Endpoint endpoint() const { return servers_.front()->endpoint(); }
    /// Logs which certificate new connections get; nothing without TLS.
    void tell_certificate(Log& log) const;
    /// Reads certificate and key again; on an error nothing changes.
    [[nodiscard]] Result<void> reload();
    void stop_accepting();
    /// Waits until no request is being answered, including a slow reader's last bytes.
    [[nodiscard]] Task<void> finish_answers(Millis limit);
    void close();

private:
    std::shared_ptr<net::TlsIdentity> tls_{};
    std::vector<std::unique_ptr<net::HttpServer>> servers_{};
};

/// The most connections for which there are descriptors, with some held back for files and
/// `children`; `wanted` if there are enough. At least 1.
[[nodiscard]] std::size_t fitting_connections(std::size_t wanted, std::size_t children);
/// The same for a proxy, where each client may use a second connection, in addition to `others`.
[[nodiscard]] std::size_t fitting_clients(std::size_t wanted, std::size_t others);

} // namespace oa_stream::cli
