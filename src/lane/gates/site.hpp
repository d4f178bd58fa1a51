// Which hosts and web origins a request may come for: what keeps a page of another site from using
// a lane on the visitor's machine or network.
#pragma once

#include "gates.hpp"

#include <string_view>

namespace oa_stream::lane {

/// 421 for a Host that is not this lane's. A page whose name is made to resolve to us (DNS
/// rebinding) is same-origin to the browser; only the name gives it away. Checked where no token
/// protects the lane, and where hosts are configured. Health endpoints answer any Host: load
/// balancers ask for addresses.
[[nodiscard]] Accepted<void> allowed_host(const LaneState& lane, Call& call);

/// 403 for a method that acts, sent by a page of another origin that is not configured. A browser
/// sends simple requests (text/plain, a form, no body) across origins without asking first.
[[nodiscard]] Accepted<void> allowed_origin(const LaneState& lane, Call& call);

/// The operator lets pages of this origin read answers.
[[nodiscard]] bool is_listed(const LaneConfig& config, std::string_view origin);

/// Header fields of that name. Of two nobody knows which one a proxy in front of the lane used.
[[nodiscard]] std::size_t count_of(const net::Headers& headers, std::string_view name);

/// All but GET, HEAD and OPTIONS.
[[nodiscard]] bool acts(std::string_view method) noexcept;

} // namespace oa_stream::lane
