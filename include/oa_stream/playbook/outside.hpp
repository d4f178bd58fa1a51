// The real things a playbook names, made ready to be used: credentials, traffic driver, target of
// the probes.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/probe/stream_probe.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <map>
#include <memory>
#include <string_view>

namespace oa_stream::playbook {

/// Move-only. Driver and sources refer to the client: destroy in reverse order, as the members
/// stand.
struct Outside {
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<traffic::TrafficDriver> driver; ///< null for kinds that move no traffic
    /// Those of the playbook that measure others' requests, by kind ("prometheus").
    std::map<std::string_view, std::unique_ptr<measure::Source>> sources{};
    probe::Target users;                            ///< as everybody comes in
    Secret user_token{};                            ///< empty: none was asked for
    Secret platform_token{};
    Secret control_token{}; ///< of the route half
    Redactor redactor{}; ///< knows every secret above; for the run folder
};

/// Reads the credentials and builds the driver; talks to nobody. Code::credentials naming the
/// reference that gave nothing; Code::config for a driver without its settings.
[[nodiscard]] Result<Outside>
open_outside(const asio::any_io_executor& executor, const Playbook& playbook);

/// `users`, pinned to one revision as the driver says. As TrafficDriver::address().
[[nodiscard]] Result<probe::Target> pinned_target(
    const probe::Target& users, const traffic::TrafficDriver& driver, const std::string& revision
);

} // namespace oa_stream::playbook
