// Option rows of all commands that send requests to a lane: the target and the timeouts.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include "core/command.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

inline constexpr std::string_view k_auth_help =
    "Authenticate with this bearer token: env:NAME, file:PATH, fd:N, command:PROGRAM, or metadata: "
    "for the machine's service account.";
inline constexpr std::string_view k_ca_help =
    "Trust this certificate authority (PEM). Without it: SSL_CERT_FILE, or the system's.";
inline constexpr std::string_view k_cert_help =
    "Present this client certificate (PEM) to the target.";
inline constexpr std::string_view k_key_help =
    "Read the key of --cert from this file. Without it: from the certificate's.";
inline constexpr std::string_view k_header_help =
    "Send this header. Give a secret as a reference: 'X-Api-Key: env:API_KEY'.";

/// From --cert and --key; the process presents them from then on, see
/// net::set_client_certificate().
struct CertificateOptions {
    std::string cert{};
    std::string key{};

    /// Call before connecting to `url`, with `ca` trusted. Code::usage for a key alone,
    /// Code::unreadable for a file that TLS cannot use.
    [[nodiscard]] Result<void> check_files(std::string_view url, std::string_view ca) const;
};
[[nodiscard]] Result<void>
read_certificate(std::span<const std::string> values, CertificateOptions& options);
[[nodiscard]] Result<void>
read_certificate_key(std::span<const std::string> values, CertificateOptions& options);
inline constexpr auto k_client_cert =
    custom<CertificateOptions, read_certificate>(names::cert, "FILE", k_cert_help);
inline constexpr auto k_client_key =
    custom<CertificateOptions, read_certificate_key>(names::key, "FILE", k_key_help);
inline constexpr auto k_certificate = options<CertificateOptions>(k_client_cert, k_client_key);

struct TargetOptions : CertificateOptions {
    probe::Target target{};

    /// Code::usage without a base URL: "name the `what`", with `example`.
    [[nodiscard]] Result<void> check_target(std::string_view what, Suggestion example) const;
};
[[nodiscard]] Result<void> drop_compat(std::span<const std::string> values, TargetOptions& options);

inline constexpr auto k_base_url =
    parsed<http_url, &TargetOptions::target, &probe::Target::base_url>(
        names::base_url, "URL", "Send requests to this lane: http or https, without credentials."
    );
inline constexpr auto k_auth =
    parsed<net::read_token, &TargetOptions::target, &probe::Target::bearer>(
        names::auth, "REF", k_auth_help
    );
inline constexpr auto k_connect_to =
    parsed<read_connect_to, &TargetOptions::target, &probe::Target::connect_to>(
        "--connect-to",
        "HOST:PORT",
        "Connect to this address. The Host header stays that of the URL."
    );
[[nodiscard]] Result<void>
read_headers(std::span<const std::string> values, TargetOptions& options);
inline constexpr auto k_ca =
    option<&TargetOptions::target, &probe::Target::ca_file>(names::ca, "FILE", k_ca_help);
/// Access to a target beyond this machine.
inline constexpr auto k_access = options<TargetOptions>(
    k_ca,
    k_certificate,
    custom<TargetOptions, read_headers>(names::header, "'NAME: VALUE'", k_header_help, true)
);
inline constexpr auto k_no_compat = custom<TargetOptions, drop_compat>(
    "--no-compat", "", "Send no compatibility headers, and skip the checks of them."
);
/// The compatibility headers; `Path` leads to the identity in a command's options.
template <auto... Path>
inline constexpr auto k_compat_build =
    parsed<read_line, Path..., &net::CompatIdentity::build>(
        names::compat_build, "ID", "Send this as x-oa-client-build-id."
    )
        .or_else(net::k_usual_build);
template <auto... Path>
inline constexpr auto k_compat_protocol =
    parsed<read_line, Path..., &net::CompatIdentity::protocol>(
        names::compat_protocol, "NAME", "Send this as x-oa-protocol-version."
    )
        .or_else(net::k_usual_protocol);
template <auto... Path>
inline constexpr auto k_compat_schema =
    parsed<read_line, Path..., &net::CompatIdentity::schema>(
        names::compat_schema, "N", "Send this as x-oa-schema-version."
    )
        .or_else(net::k_usual_schema);

/// The options of a target; k_no_compat comes last, so that it takes precedence.
inline constexpr auto k_compat_options = options<TargetOptions>(
    k_compat_build<&TargetOptions::target, &probe::Target::compat>,
    k_compat_protocol<&TargetOptions::target, &probe::Target::compat>,
    k_compat_schema<&TargetOptions::target, &probe::Target::compat>,
    k_no_compat
);

template <auto... Path>
inline constexpr auto k_id_prefix =
    parsed<read_line, Path...>(names::id_prefix, "WORD", "Begin the ids of checks with this word.");

struct LimitOptions {
    probe::ProbeLimits limits{};
};
inline constexpr auto k_connect_timeout =
    option<&LimitOptions::limits, &probe::ProbeLimits::connect>(
        "--connect-timeout", "D", "Give up connecting after this time."
    )
        .range(1, k_longest_ms)
        .or_else("5s");
inline constexpr auto k_first_byte =
    option<&LimitOptions::limits, &probe::ProbeLimits::first_byte>(
        names::first_byte, "D", "Give up when the response head takes longer."
    )
        .range(1, k_longest_ms)
        .or_else("15s");
inline constexpr auto k_stall =
    option<&LimitOptions::limits, &probe::ProbeLimits::stall>(
        names::stall, "D", "Give up after this much silence within an answer."
    )
        .range(1, k_longest_ms)
        .or_else("15s");
inline constexpr auto k_timeout =
    option<&LimitOptions::limits, &probe::ProbeLimits::total>(
        names::timeout, "D", "Give up when a whole answer takes longer."
    )
        .range(1, k_longest_ms)
        .or_else("3m");
inline constexpr auto k_waits =
    options<LimitOptions>(k_connect_timeout, k_first_byte, k_stall, k_timeout);

} // namespace oa_stream::cli
