// Opens the external resources of a playbook: credentials, traffic driver, sources, target of the
// probes.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/probe/stream_probe.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// Secrets of one hook.
struct HookSecrets {
    Secret url{}; ///< of `webhook_from`
    Secret key{};
    std::optional<Error> missing{}; ///< why one of them is missing: the hook cannot be called
};

/// Move-only. Driver and sources refer to the client, so members are destroyed in reverse order.
struct Outside {
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<traffic::TrafficDriver> driver; ///< null for kinds that move no traffic
    /// The playbook's sources that measure others' requests, by kind ("prometheus").
    std::map<std::string_view, std::unique_ptr<measure::Source>> sources{};
    probe::Target users; ///< the address that users connect to
    std::shared_ptr<probe::RenewedToken> renewed{}; ///< token of `users`; null: it is never renewed
    net::TokenSource user_tokens{}; ///< set with `renewed`: the source of new tokens
    Secret user_token{}; ///< empty: none is configured
    Secret platform_token{};
    Secret control_token{}; ///< for the control surface of the routes
    net::TokenSource control_tokens{}; ///< unset: the control token is never renewed
    std::map<std::string, HookSecrets, std::less<>> hook_secrets{}; ///< by hook
    Redactor redactor{}; ///< masks all secrets above in the run folder
    std::vector<Error> missing{}; ///< resources that Needs::traffic continues without
};

enum class Needs {
    all,
    /// For rolling traffic back: no sources; resources needed only for verification or for the
    /// routes may be missing.
    traffic,
};

/// Reads the credentials and builds the driver; connects to nothing. Code::credentials naming the
/// reference without a value; Code::config for a driver without its settings. A missing secret of a
/// hook is not an error here: see check_hooks().
[[nodiscard]] Result<Outside> open_outside(
    const asio::any_io_executor& executor, const Playbook& playbook, Needs needs = Needs::all
);

/// Checks that all hooks have their secrets. Code::credentials.
[[nodiscard]] Result<void> check_hooks(const Outside& outside);

/// `users`, pinned to one revision: at the playbook's address for it, otherwise as the driver
/// determines. Errors as TrafficDriver::address().
[[nodiscard]] Result<probe::Target> pinned_target(
    const probe::Target& users,
    const traffic::TrafficDriver& driver,
    const traffic::Arms& arms,
    const std::string& revision
);

} // namespace oa_stream::playbook
