// Notifies a service manager: ready, stopping. sd_notify(3), without its library.
#pragma once

#include "oa_stream/base/task.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Sends `state` ("READY=1") to the socket that `address` ($NOTIFY_SOCKET) names: a path, or '@'
/// and an abstract name. Never blocks and reports no failure: no caller could handle it, and a
/// manager without the notification reports that itself. An empty address: none is configured.
void tell_service_manager(const std::string& address, std::string_view state) noexcept;

/// The notification when the service begins to drain for at most `limit`: the unit's own stop
/// timeout may be shorter, and the manager kills when it expires.
[[nodiscard]] std::string stopping_state(std::string_view status, Millis limit);

} // namespace oa_stream::cli
