// Which failed requests are worth retrying, the Retry-After header, and the pauses between retries.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace oa_stream::net {

/// "Fri, 20 Nov 2026 14:22:34 GMT", the only form that HTTP allows servers to send.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);

/// The wait that the server requests: seconds, or a date (relative to the answer's own Date, or
/// `now`). nullopt when the header is absent or invalid.
[[nodiscard]] std::optional<Millis> retry_after(const Headers& headers, WallTime now);

/// A retry of the same request may succeed: this one was lost on its way, or the server reports
/// that it cannot answer now. The caller must know whether the request may be repeated.
[[nodiscard]] bool may_pass(const ClientResponse& response) noexcept;

/// Each pause is twice as long as the previous one, up to `longest`.
class RetryPauses {
public:
    RetryPauses(Millis first, Millis longest) : next_(first), longest_(longest) {}

    /// At least as long as the server requests, but never shorter than our own pause: "Retry-After:
    /// 0" would cause retries without any pause.
    [[nodiscard]] Millis next(std::optional<Millis> asked = std::nullopt) {
        const Millis own = std::exchange(next_, std::min(next_ * 2, longest_));
        return std::max(own, asked.value_or(Millis(0)));
    }

private:
    Millis next_;
    Millis longest_;
};

} // namespace oa_stream::net
