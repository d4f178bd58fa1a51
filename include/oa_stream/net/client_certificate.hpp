// The certificate of this process, for servers that require one, and the files that TLS needs.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>

namespace oa_stream::net {

/// Sets the certificate (PEM) that every request of the HTTP client presents to a server that
/// requests one. `key` (PEM) empty: the key is in the certificate's file. Both empty: none is
/// presented. Each connection reads the files; an unreadable file fails the connection
/// (TransferFailure::tls). Call before the first request, because one process is one client. Not
/// thread-safe.
void set_client_certificate(std::string certificate, std::string key);

[[nodiscard]] bool has_client_certificate() noexcept;

/// Names of PEM files; each may be empty.
struct TlsFiles {
    std::string ca{};
    std::string certificate{};
    std::string key{};
};
/// Checks that requests to `url` can use these files; http:// needs none. Code::unreadable names a
/// file that cannot be read or lacks its PEM block: libcurl would later report it as a failure of
/// TLS, as if the server had caused it. Pipes are not checked, because reading would consume them.
[[nodiscard]] Result<void> check_tls_files(std::string_view url, const TlsFiles& files);

} // namespace oa_stream::net
