// A look at HAProxy as the driver's interface shows it. Private to the room.
#pragma once

#include "haproxy/haproxy_driver.hpp"
#include "haproxy_shift.hpp"

#include <string>
#include <string_view>

namespace oa_stream::traffic {

/// The process, and the weight and rotation of each server of the backend.
[[nodiscard]] std::string etag_of(const HaproxySnapshot& snapshot);

/// Code::precondition naming the numbers when they are not whole percents, or when nothing serves.
[[nodiscard]] Result<Split>
split_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// Weights that are not a split leave the split empty, see TrafficState::serving.
[[nodiscard]] TrafficState
view_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// The streams of one server, from its counters.
[[nodiscard]] StreamCounts streams_of(const HaproxyFacts& server);
/// TrafficState::extra
[[nodiscard]] Json extra_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// Every server that the options name is there, and names are such as HAProxy has.
[[nodiscard]] Result<void> check_names(const HaproxyDriverOptions& options);
[[nodiscard]] Result<void>
check_servers(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);

/// "canary (server c1) is DOWN L4CON"
[[nodiscard]] std::string condition(const HaproxyServer& named, const HaproxyFacts& facts);

/// A line for a shell that gives HAProxy these commands. `socket`: a path, or HOST:PORT.
[[nodiscard]] std::string typed_to(std::string_view socket, std::string_view commands);

/// What `target` is in weights. Code::precondition for an unknown revision, a share that the
/// algorithm cannot express, and servers besides ours that take a share.
[[nodiscard]] Result<Settings> settings_for(
    const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options, const Split& target
);

/// TrafficState::exact and back. Code::precondition for one that does not fit the options.
[[nodiscard]] Json exact_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options);
[[nodiscard]] Result<Settings>
settings_from(const Json& exact, const HaproxyDriverOptions& options);

[[nodiscard]] Result<ArmAddress> address_of(const HaproxyServer& named, const HaproxyFacts& facts);

} // namespace oa_stream::traffic
