#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/client_certificate.hpp"

#include <fmt/format.h>

namespace oa_stream::net {

namespace {

constexpr std::string_view k_https = "https://";

/// A pipe can be read only once, by the connection that needs it.
bool gives_bytes_once(const std::string& file) {
    std::error_code unknown;
    const auto kind = std::filesystem::status(file, unknown).type();
    return kind == std::filesystem::file_type::fifo ||
           kind == std::filesystem::file_type::character;
}

/// `end`: end of the PEM line that must be present.
Result<void> check_pem(const std::string& file, std::string_view what, std::string_view end) {
    if (file.empty() || gives_bytes_once(file)) {
        return {};
    }
    OA_TRY(const std::string text, read_file(file));
    return text.contains(end)
               ? Result<void>{}
               : fail(Code::unreadable, fmt::format("there is no {} (PEM) in it", what), file);
}

} // namespace

Result<void> check_tls_files(std::string_view url, const TlsFiles& files) {
    if (!iequals(url.substr(0, k_https.size()), k_https)) {
        return {};
    }
    OA_CHECK(check_pem(files.ca, "certificate", "CERTIFICATE-----"));
    OA_CHECK(check_pem(files.certificate, "certificate", "CERTIFICATE-----"));
    return check_pem(files.key, "private key", "PRIVATE KEY-----");
}

} // namespace oa_stream::net
