// Which hosts and web origins a request may use: prevents a page of another site from using a lane
// on the visitor's machine or network.
#pragma once

#include "gates.hpp"

#include <string_view>

namespace oa_stream::lane {

/// 421 for a Host that is not this lane's. A page whose name was made to resolve to the lane (DNS
/// rebinding) is same-origin for the browser; only the host name reveals it. Checked when no token
/// protects the lane, and when hosts are configured. Health endpoints accept any Host, because load
/// balancers use addresses.
[[nodiscard]] Accepted<void> allowed_host(const LaneState& lane, Call& call);

/// 403 for a method that changes something, sent by a page of another origin that is not
/// configured. A browser sends simple requests (text/plain, a form, no body) across origins without
/// a preflight.
[[nodiscard]] Accepted<void> allowed_origin(const LaneState& lane, Call& call);

/// Whether the operator lets pages of this origin read answers.
[[nodiscard]] bool is_listed(const LaneConfig& config, std::string_view origin);

/// Number of header fields with this name. With two, it is unclear which one a proxy in front of
/// the lane used.
[[nodiscard]] std::size_t count_of(const net::Headers& headers, std::string_view name);

/// True for all methods but GET, HEAD and OPTIONS.
[[nodiscard]] bool acts(std::string_view method) noexcept;

} // namespace oa_stream::lane
