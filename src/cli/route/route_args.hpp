// Common parts of the route commands: the service, the query, the output.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/routes/route_access.hpp"
#include "oa_stream/routes/route_plan.hpp"
#include "oa_stream/routes/route_rules.hpp"
#include "oa_stream/routes/route_split.hpp"

#include "core/command.hpp"
#include "core/run_alone.hpp"
#include "smoke/smoke_args.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// A secret, and its reference.
struct NamedSecret {
    std::string reference; ///< "env:TOKEN"
    Secret secret;
};
/// As net::read_token().
[[nodiscard]] Result<NamedSecret> read_named_secret(std::string_view reference);

struct RouteTarget {
    routes::RouteSplitOptions service;
    std::vector<Secret> hidden{}; ///< values of its headers that must not be shown
    routes::RouteAccess access{}; ///< as given
    routes::RouteOrder order{};
};

struct RouteOptions : CertificateOptions {
    RouteTarget target{};
    std::optional<NamedSecret> auth{};
    std::vector<std::string> headers{};

    [[nodiscard]] routes::RouteAccess access() const;
    /// The target, validated. Code::usage without a service and for an invalid header,
    /// Code::credentials without a token or a header's secret.
    [[nodiscard]] Result<RouteTarget> checked(std::string_view command) const;
};
/// "/login". Code::usage.
[[nodiscard]] Result<std::string> read_url_path(std::string_view text);

inline constexpr auto k_route_base = parsed<
    http_url,
    &RouteOptions::target,
    &RouteTarget::service,
    &routes::RouteSplitOptions::base_url>(
    names::base_url, "URL", "Ask this control service: http or https, without credentials."
);
inline constexpr auto k_route_auth =
    parsed<read_named_secret, &RouteOptions::auth>(names::auth, "REF", k_auth_help);
inline constexpr auto k_route_ca =
    option<&RouteOptions::target, &RouteTarget::service, &routes::RouteSplitOptions::ca_file>(
        names::ca, "FILE", k_ca_help
    );
inline constexpr auto k_route_header =
    option<&RouteOptions::headers>(names::header, "'NAME: VALUE'", k_header_help);
inline constexpr auto k_route_access =
    options<RouteOptions>(k_route_ca, k_certificate, k_route_header);
/// The same for an undo, which by default uses its run's access.
inline constexpr auto k_undo_access = options<RouteOptions>(
    k_route_auth.saying(
        "Undo a route run with this bearer token: env:NAME, file:PATH, fd:N, command:PROGRAM or "
        "metadata:. Without it: the reference that the run used."
    ),
    k_route_ca.saying("For a route run: trust the certificate authority in this PEM file. Default: "
                      "the one that the run used."),
    k_client_cert.saying("Undo a route run with this client certificate (PEM). Without it: that "
                         "of the run."),
    k_client_key,
    k_route_header.saying("Undo a route run, and send this header beside those of the run. One of "
                          "the same name takes its place. Give a secret as a reference: "
                          "'X-Api-Key: env:API_KEY'.")
);
inline constexpr auto k_route_cohort =
    option<&RouteOptions::target, &RouteTarget::order, &routes::RouteOrder::cohort_key>(
        names::cohort, "KEY", "Decide for this cohort. Without it the service chooses one."
    );
inline constexpr auto k_route_path =
    parsed<read_url_path, &RouteOptions::target, &RouteTarget::order, &routes::RouteOrder::paths>(
        "--path", "PATH", "Also evaluate this path. One path of each domain is always evaluated."
    );
/// How the service is queried.
inline constexpr auto k_route_call = options<RouteOptions>(
    option<
        &RouteOptions::target,
        &RouteTarget::order,
        &routes::RouteOrder::looks,
        &routes::RouteLooks::agree>(
        "--fresh", "N", "Require that N fresh connections in a row agree, 1 to 50."
    )
        .range(1, 50)
        .or_else("5"),
    k_compat_build<
        &RouteOptions::target,
        &RouteTarget::service,
        &routes::RouteSplitOptions::compat>,
    k_compat_protocol<
        &RouteOptions::target,
        &RouteTarget::service,
        &routes::RouteSplitOptions::compat>,
    k_compat_schema<
        &RouteOptions::target,
        &RouteTarget::service,
        &routes::RouteSplitOptions::compat>,
    option<&RouteOptions::target, &RouteTarget::service, &routes::RouteSplitOptions::call_timeout>(
        names::timeout, "D", "Give up when one call takes longer."
    )
        .range(1, k_longest_ms)
        .or_else("15s")
);

/// Provides a client for the duration of `make`'s coroutine. `make` must be a plain function, or
/// hold nothing that could end before the coroutine.
template <class T, class Make>
[[nodiscard]] Task<Result<T>>
with_routes(asio::any_io_executor executor, RouteTarget target, Make make) {
    const auto http = net::HttpClient::make(executor);
    routes::RouteSplitClient client(*http, target.service);
    co_return co_await make(client, target);
}

/// The same for read-only commands: runs to its end on its own io_context; a signal ends the
/// process, because there is nothing to undo.
template <class T, class Make> [[nodiscard]] Result<T> look_with(RouteTarget target, Make make) {
    asio::io_context io(1);
    return run_alone<T>(io, with_routes<T>(io.get_executor(), std::move(target), std::move(make)));
}

/// Prints "PASS 3 of 3 checks" and the next command to stderr; nothing under -q when all is well.
void tell_route_checks(
    Verdict verdict, const std::vector<Check>& checks, Context& context, const Advice& next = {}
);
/// One line per domain: what serves it and why.
[[nodiscard]] std::string route_table(const routes::RouteStatus& status);

} // namespace oa_stream::cli
