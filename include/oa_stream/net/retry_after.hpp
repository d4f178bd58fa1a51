// The Retry-After header.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::net {

/// "Fri, 20 Nov 2026 14:22:34 GMT", the one form that HTTP lets servers send.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);

/// How long the server asks to wait: seconds, or a date (against the answer's own Date, or `now`).
/// nullopt when it does not ask, or not in words of HTTP.
[[nodiscard]] std::optional<Millis> retry_after(const Headers& headers, WallTime now);

} // namespace oa_stream::net
