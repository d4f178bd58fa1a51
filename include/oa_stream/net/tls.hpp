// The certificate and key of a TLS listener.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <memory>
#include <string>

struct ssl_ctx_st; // NOLINT(readability-identifier-naming): OpenSSL's name

namespace oa_stream::net {

/// A PEM certificate chain and its key, replaceable while connections run: each connection keeps
/// the pair it started with. TLS 1.2 and 1.3, forward secrecy, ALPN http/1.1. Not thread-safe.
class TlsIdentity {
public:
    /// Code::unreadable when a file cannot be read; Code::config when it is not PEM, the key does
    /// not belong to the certificate, the key requires a passphrase, or users other than its owner
    /// and group may read it.
    [[nodiscard]] static Result<std::shared_ptr<TlsIdentity>>
    load(std::filesystem::path certificate, std::filesystem::path key);

    /// Reads both files again. On an error the present pair stays.
    [[nodiscard]] Result<void> reload();
    /// Subject and end of validity, for display: "CN = lane.example, until Nov 20 11:17:04 2027
    /// GMT".
    [[nodiscard]] std::string text() const;
    /// Why clients reject the certificate now: "expired", "not valid before Nov 20 11:17:04 2027
    /// GMT"; empty if they accept it. It is still served: that is better than no lane.
    [[nodiscard]] std::string refusal() const;

    [[nodiscard]] const std::shared_ptr<ssl_ctx_st>& context() const noexcept { return context_; }

private:
    TlsIdentity(std::filesystem::path certificate, std::filesystem::path key);

    std::filesystem::path certificate_;
    std::filesystem::path key_;
    std::shared_ptr<ssl_ctx_st> context_;
};

} // namespace oa_stream::net
