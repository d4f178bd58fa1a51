// The certificate of this process, for servers that ask who connects, and the files that TLS needs.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>

namespace oa_stream::net {

/// From now on every request of the HTTP client shows this certificate (PEM) to a server that asks
/// for one; `key` (PEM) empty: it stands in the certificate's file. Both empty: none is shown. The
/// files are read by each connection; one that cannot be read fails it (TransferFailure::tls).
/// Called before the first request: one process is one client. One thread.
void set_client_certificate(std::string certificate, std::string key);

[[nodiscard]] bool has_client_certificate() noexcept;

/// The names of PEM files; each may be empty.
struct TlsFiles {
    std::string ca{};
    std::string certificate{};
    std::string key{};
};
/// Whether requests to `url` can use these files, which http:// does not. Code::unreadable names
/// the one that cannot be read or has not what it is for: later, libcurl calls it a failure of TLS,
/// as if it were the server's. A pipe is left to the connection.
[[nodiscard]] Result<void> check_tls_files(std::string_view url, const TlsFiles& files);

} // namespace oa_stream::net
