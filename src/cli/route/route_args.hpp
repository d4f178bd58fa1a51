// What the route commands share: the service they ask, what they ask of it, how they show it.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/routes/route_plan.hpp"

#include "core/command.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

struct RouteTarget {
    routes::RouteSplitOptions service;
    routes::RouteOrder order{};
};
/// Reads the token. `url` instead of --base-url when it is known already. Code::usage, credentials.
[[nodiscard]] Result<RouteTarget>
parse_route_target(const Args& args, std::string_view command, std::optional<std::string> url = {});

inline constexpr OptionSpec k_route_base{
    "--base-url", "URL", "The control service: http or https, without credentials."
};
inline constexpr OptionSpec k_route_auth{
    "--auth", "REF", "The bearer token: env:NAME, file:PATH or fd:N."
};
inline constexpr OptionSpec k_route_build{
    "--compat-build", "ID", "Sent as x-oa-client-build-id.", "20260221T130000Z"
};
inline constexpr OptionSpec k_route_protocol{
    "--compat-protocol", "NAME", "Sent as x-oa-protocol-version.", "openagents.control.v1"
};
inline constexpr OptionSpec k_route_schema{
    "--compat-schema", "N", "Sent as x-oa-schema-version.", "1"
};
inline constexpr OptionSpec k_route_timeout{"--timeout", "D", "Limit on one call.", "15s"};
inline constexpr OptionSpec k_route_fresh{
    "--fresh", "N", "Successive fresh connections that must agree, 1 to 50.", "5"
};
inline constexpr OptionSpec k_route_cohort{
    "--cohort", "KEY", "Whose cohort decides; the service's choice if not given."
};
inline constexpr OptionSpec k_route_path{
    "--path", "PATH", "A path to evaluate besides one of each domain; repeats.", {}, true
};

/// A client as long as `make`'s coroutine runs. `make` is a plain function or holds nothing that
/// could end before it.
template <class T, class Make>
[[nodiscard]] Task<Result<T>>
with_routes(asio::any_io_executor executor, RouteTarget target, Make make) {
    const auto http = net::HttpClient::make(executor);
    routes::RouteSplitClient client(*http, target.service);
    co_return co_await make(client, target);
}

/// The same for what only looks: run to its end on a context of its own; a signal ends the process,
/// there is nothing to undo.
template <class T, class Make> [[nodiscard]] Result<T> look_with(RouteTarget target, Make make) {
    asio::io_context io(1);
    Result<T> out = fail(Code::internal, "the look did not end");
    asio::co_spawn(
        io,
        with_routes<T>(io.get_executor(), std::move(target), std::move(make)),
        [&](const std::exception_ptr& thrown, Result<T> result) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            out = std::move(result);
            io.stop();
        }
    );
    io.run();
    return out;
}

/// {verdict, run, evidence, checks} for what leaves no run folder.
[[nodiscard]] Json route_document(Verdict verdict, const std::vector<Check>& checks);
/// "PASS 3 of 3 checks" on stderr; nothing under -q when all is well.
void tell_route_checks(Verdict verdict, const std::vector<Check>& checks, Context& context);
/// One line a domain: what serves it and why.
[[nodiscard]] std::string route_table(const routes::RouteStatus& status);

} // namespace oa_stream::cli
