// Where serve's clients come in: addresses, TLS, and how many connections fit.
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
    std::filesystem::path certificate{};    ///< empty: plain; unix sockets always are
    std::filesystem::path key{};
    unsigned unix_mode = 0600;
    net::ServerLimits limits{.sieved_bytes = 64U << 20U};
    std::size_t total_bodies = 64U << 20U; ///< of bodies being read, all listeners together
    std::size_t total_requests = 64U
                                 << 20U; ///< of bodies whose turn was not accepted yet, likewise

    /// Nobody but processes of this machine gets to any of them.
    [[nodiscard]] bool loopback() const noexcept { return exposed() == nullptr; }
    /// The first that others can reach; null: none.
    [[nodiscard]] const net::Endpoint* exposed() const noexcept;
    /// Certificate and key come together. Code::usage.
    [[nodiscard]] Result<void> check_pair() const;
    /// Whether certificate and key, if any, can serve: reported before anything is started.
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
    /// With the real ports, in the order given.
    [[nodiscard]] std::vector<std::string> urls() const;
    [[nodiscard]] net::Endpoint endpoint() const { return servers_.front()->endpoint(); }
    /// Which certificate new connections get; nothing without TLS.
    void tell_certificate(Log& log) const;
    /// Reads certificate and key again; nothing changes on an error.
    [[nodiscard]] Result<void> reload();
    void stop_accepting();
    /// Waits until no request is being answered, a slow reader's last bytes included.
    [[nodiscard]] Task<void> finish_answers(Millis limit);
    void close();

private:
    std::shared_ptr<net::TlsIdentity> tls_{};
    std::vector<std::unique_ptr<net::HttpServer>> servers_{};
};

/// The most connections for which there are descriptors when some are kept back for files and
/// `children`; `wanted` if there are enough. At least 1.
[[nodiscard]] std::size_t fitting_connections(std::size_t wanted, std::size_t children);
/// The same for a proxy, where each client may take a second connection, beside `others`.
[[nodiscard]] std::size_t fitting_clients(std::size_t wanted, std::size_t others);

} // namespace oa_stream::cli
