// Converts a snapshot of HAProxy to the driver's interface. Private to the room.
#pragma once

#include "haproxy/haproxy_driver.hpp"
#include "haproxy_shift.hpp"

#include <string>
#include <string_view>

namespace oa_stream::traffic {

/// Made of the process and of the weight and rotation of each server of the backend.
[[nodiscard]] std::string etag_of(const HaproxySnapshot& snapshot);

/// Code::precondition with the numbers when they are not whole percents, or when nothing serves.
[[nodiscard]] Result<Split>
split_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// If the weights are not a split the split stays empty, see TrafficState::serving.
[[nodiscard]] TrafficState
view_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// The streams of one server, from its counters.
[[nodiscard]] StreamCounts streams_of(const HaproxyFacts& server);
/// TrafficState::extra
[[nodiscard]] Json extra_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// Checks that every server in the options exists, and that names are valid for HAProxy.
[[nodiscard]] Result<void> check_names(const HaproxyDriverOptions& options);
[[nodiscard]] Result<void>
check_servers(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// "canary (server c1) is DOWN L4CON"
[[nodiscard]] std::string condition(const HaproxyServer& named, const HaproxyFacts& facts);

/// A shell line that sends HAProxy these commands. `socket`: a path, or HOST:PORT.
[[nodiscard]] std::string typed_to(std::string_view socket, std::string_view commands);

/// `target` in weights. Code::precondition for an unknown revision, a share that the algorithm
/// cannot express, and other servers with a share.
[[nodiscard]] Result<Settings> settings_for(
    const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options, const Split& target
);

/// Converts TrafficState::exact. Code::precondition for one that does not fit the options.
[[nodiscard]] Json exact_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);
[[nodiscard]] Result<Settings>
settings_from(const Json& exact, const HaproxyDriverOptions& options);

[[nodiscard]] Result<ArmAddress> address_of(const HaproxyServer& named, const HaproxyFacts& facts);

} // namespace oa_stream::traffic
