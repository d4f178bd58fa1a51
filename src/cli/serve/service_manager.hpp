// The notifications to a service manager: ready, stopping. sd_notify(3), without its library.
#pragma once

#include "oa_stream/base/task.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Sends `state` ("READY=1") to the socket that `address` ($NOTIFY_SOCKET) names: a path, or '@'
/// and an abstract name. Never blocks and reports no failure: no caller could handle it,
/// and a manager that heard nothing says so itself. An empty address: nobody asked.
void tell_service_manager(const std::string& address, std::string_view state) noexcept;

/// Its message when the service begins to drain for at most `limit`: a unit's own time to stop
/// may be shorter, and at its end the manager kills.
[[nodiscard]] std::string stopping_state(std::string_view status, Millis limit);

} // namespace oa_stream::cli
