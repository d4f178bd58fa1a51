// Which failed request is worth another try, the Retry-After header, and the pauses between tries.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace oa_stream::net {

/// "Fri, 20 Nov 2026 14:22:34 GMT", the one form that HTTP lets servers send.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);

/// How long the server asks to wait: seconds, or a date (against the answer's own Date, or `now`).
/// nullopt when it does not ask, or not in words of HTTP.
[[nodiscard]] std::optional<Millis> retry_after(const Headers& headers, WallTime now);

/// The same request may get another answer in a moment: this one was lost on its way, or says that
/// the server cannot answer now. Whether the request may be repeated is the caller's to know.
[[nodiscard]] bool may_pass(const ClientResponse& response) noexcept;

/// Each pause is twice as long as the one before, up to `longest`.
class RetryPauses {
public:
    RetryPauses(Millis first, Millis longest) : next_(first), longest_(longest) {}

    /// Longer when the server asks for it, never shorter: "Retry-After: 0" would be tries without
    /// any pause.
    [[nodiscard]] Millis next(std::optional<Millis> asked = std::nullopt) {
        const Millis own = std::exchange(next_, std::min(next_ * 2, longest_));
        return std::max(own, asked.value_or(Millis(0)));
    }

private:
    Millis next_;
    Millis longest_;
};

} // namespace oa_stream::net
