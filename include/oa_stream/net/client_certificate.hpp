// The certificate of this process, for servers that ask who connects.
#pragma once

#include <string>

namespace oa_stream::net {

/// From now on every request of the HTTP client shows this certificate (PEM) to a server that asks
/// for one; `key` (PEM) empty: it stands in the certificate's file. Both empty: none is shown. The
/// files are read by each connection; one that cannot be read fails it (TransferFailure::tls).
/// Called before the first request: one process is one client. One thread.
void set_client_certificate(std::string certificate, std::string key);

[[nodiscard]] bool has_client_certificate() noexcept;

} // namespace oa_stream::net
