#include "smoke_args.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/net/client_certificate.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::cli {

Result<void> TargetOptions::check_target(std::string_view what, Suggestion example) const {
    if (target.base_url.empty()) {
        return fail(
            Code::usage,
            fmt::format("name the {}: {} is missing", what, k_base_url.name),
            {},
            std::move(example)
        );
    }
    return check_files(target.base_url, target.ca_file);
}

Result<void> CertificateOptions::check_files(std::string_view url, std::string_view ca) const {
    if (!key.empty() && cert.empty()) {
        return fail(Code::usage, "a key needs its certificate", names::key, "add --cert FILE");
    }
    return net::check_tls_files(url, {.ca = std::string(ca), .certificate = cert, .key = key});
}

Result<void> read_certificate(std::span<const std::string> values, CertificateOptions& options) {
    options.cert = values.back();
    net::set_client_certificate(options.cert, options.key);
    return {};
}

Result<void>
read_certificate_key(std::span<const std::string> values, CertificateOptions& options) {
    options.key = values.back();
    net::set_client_certificate(options.cert, options.key);
    return {};
}

Result<void> read_headers(std::span<const std::string> values, TargetOptions& options) {
    for (const std::string& header : values) {
        OA_CHECK(probe::add_header(options.target, header));
    }
    return {};
}

Result<void> drop_compat(std::span<const std::string> /*values*/, TargetOptions& options) {
    options.target.compat.reset();
    return {};
}

} // namespace oa_stream::cli
