// One request on its way through the lane.
#pragma once

#include "oa_stream/lane/lane.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

struct Lane::Call {
    std::shared_ptr<net::Exchange> exchange;
    RouteMatch match;
    RequestRecord record;
    Clock::time_point received{};
    std::string traceparent; ///< valid, or empty
    ChatRequest chat;
    std::optional<ThreadRow> row; ///< the thread, when this owner has it already
    std::size_t seeded = 0;       ///< messages a new thread begins with
    std::string key{};            ///< Idempotency-Key, empty without

    [[nodiscard]] const net::Request& request() const noexcept { return exchange->request(); }
    [[nodiscard]] double now_s() const {
        return std::chrono::duration<double>(Clock::now() - received).count();
    }
};

/// x-request-id as given when it is 1–128 characters of [A-Za-z0-9._-]; else a new one.
[[nodiscard]] std::string request_id_of(const net::Headers& headers);
/// A W3C traceparent of version 00, else empty.
[[nodiscard]] std::string traceparent_of(const net::Headers& headers);
/// application/json or …+json, whatever the parameters.
[[nodiscard]] bool is_json_type(std::optional<std::string_view> content_type);

} // namespace oa_stream::lane
