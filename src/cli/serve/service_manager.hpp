// The notifications to a service manager: ready, stopping. sd_notify(3), without its library.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Sends `state` ("READY=1") to the socket that `address` ($NOTIFY_SOCKET) names: a path, or '@'
/// and an abstract name. Never blocks and reports no failure: no caller could handle it,
/// and a manager that heard nothing says so itself. An empty address: nobody asked.
void tell_service_manager(const std::string& address, std::string_view state) noexcept;

} // namespace oa_stream::cli
