// The client of the control service's route split.
#pragma once

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/routes/route_rules.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::routes {

struct RouteSplitOptions {
    std::string base_url; ///< of the control service, without a trailing slash
    Secret bearer;
    net::Headers extra{}; ///< besides those below
    std::string ca_file{}; ///< PEM of who signs for it; empty: the system's
    net::CompatIdentity compat{}; ///< sent with every call
    Millis call_timeout{15000};
    int attempts = 3;        ///< of a read; a write is never repeated but after 401 and 429
    Millis pause{500};       ///< between two attempts; longer when the service says so
    Millis most_wait{70000}; ///< all the waiting that 429 and 503 may ask of one call
    /// Told each attempt that was not the last: "GET …/status: HTTP 503, again in 500ms".
    std::function<void(std::string_view line)> retried{};
    /// Asked before each call, in place of `bearer`, and once more after 401. Unset: `bearer`.
    net::TokenSource tokens{};
};

/// Every call goes over a connection of its own: overrides live in the memory of whichever process
/// answers, and a kept connection would always meet the same one.
///
/// Errors: Code::credentials for 401 and 403; Code::precondition for 426 (with the window of the
/// service) and for a service that stays busy; Code::usage for 422, with the service's words;
/// Code::not_found without a route split there; Code::protocol for redirects and for answers that
/// are none; Code::network, timeout, unavailable. After override_target() everything but the first
/// four may have been applied (is_ambiguous).
class RouteSplitClient {
public:
    /// `client` must outlive this.
    RouteSplitClient(net::HttpClient& client, RouteSplitOptions options)
        : client_(client), options_(std::move(options)) {}

    [[nodiscard]] Task<Result<RouteStatus>> status();
    /// An empty cohort key lets the service choose one.
    [[nodiscard]] Task<Result<RouteDecision>> evaluate(std::string path, std::string cohort_key);
    /// Asked once the wait after a 429 is over, after every other one; its error is the write's,
    /// and its time counts as waiting.
    using BeforeRepeat = std::function<Task<Result<void>>()>;
    /// One write; the status of the process that took it.
    [[nodiscard]] Task<Result<RouteStatus>>
    override_target(RouteWrite write, BeforeRepeat before_retry = {});

    [[nodiscard]] const std::string& base_url() const noexcept { return options_.base_url; }

private:
    [[nodiscard]] Task<Result<Json>>
    call(std::string name, std::string body, std::optional<BeforeRepeat> write);
    /// With another token when the first one is refused. Code::credentials when there is none.
    [[nodiscard]] Task<Result<net::ClientResponse>> exchange(net::ClientRequest request);
    [[nodiscard]] std::string url_of(std::string_view name) const;
    [[nodiscard]] net::ClientRequest request(std::string_view name, std::string body) const;

    net::HttpClient& client_;
    RouteSplitOptions options_;
};

} // namespace oa_stream::routes
