// The real things a playbook names, made ready to be used: credentials, traffic driver, target of
// the probes.
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

/// Of one hook.
struct HookSecrets {
    Secret url{}; ///< of `webhook_from`
    Secret key{};
    std::optional<Error> missing{}; ///< why one of them is not there: the hook cannot be called
};

/// Move-only. Driver and sources refer to the client: destroy in reverse order, as the members
/// stand.
struct Outside {
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<traffic::TrafficDriver> driver; ///< null for kinds that move no traffic
    /// Those of the playbook that measure others' requests, by kind ("prometheus").
    std::map<std::string_view, std::unique_ptr<measure::Source>> sources{};
    probe::Target users;                            ///< as everybody comes in
    std::shared_ptr<probe::RenewedToken> renewed{}; ///< of `users`; null: it stays as it is
    net::TokenSource user_tokens{}; ///< set with `renewed`: what is sent from now on
    Secret user_token{};                            ///< empty: none was asked for
    Secret platform_token{};
    Secret control_token{}; ///< of the route half
    net::TokenSource control_tokens{}; ///< unset: it stays as it is
    std::map<std::string, HookSecrets, std::less<>> hook_secrets{}; ///< by hook
    Redactor redactor{}; ///< knows every secret above; for the run folder
    std::vector<Error> missing{}; ///< what Needs::traffic goes on without
};

enum class Needs {
    all,
    /// To roll traffic back: no source, and what only its proof or the routes need may be missing.
    traffic,
};

/// Reads the credentials and builds the driver; talks to nobody. Code::credentials naming the
/// reference that gave nothing; Code::config for a driver without its settings. A secret of a hook
/// that is missing is not an error: see check_hooks().
[[nodiscard]] Result<Outside> open_outside(
    const asio::any_io_executor& executor, const Playbook& playbook, Needs needs = Needs::all
);

/// Every hook can be called, as far as its secrets go. Code::credentials.
[[nodiscard]] Result<void> check_hooks(const Outside& outside);

/// `users`, pinned to one revision: at the address that the playbook gives, else as the driver
/// says. As TrafficDriver::address().
[[nodiscard]] Result<probe::Target> pinned_target(
    const probe::Target& users,
    const traffic::TrafficDriver& driver,
    const traffic::Arms& arms,
    const std::string& revision
);

} // namespace oa_stream::playbook
