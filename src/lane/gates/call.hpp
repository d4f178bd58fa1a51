// One request on its way through the lane.
#pragma once

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/lane/id_map.hpp"
#include "oa_stream/lane/records.hpp"
#include "oa_stream/net/http_server.hpp"

#include "chats/chat_request.hpp"
#include "routes.hpp"
#include "tools/call_results.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct CompletionsRequest;

struct Call {
    std::shared_ptr<net::Exchange> exchange;
    RouteMatch match;
    RequestRecord record;
    Clock::time_point received{};
    std::string traceparent; ///< valid, or empty
    ChatRequest chat;
    std::shared_ptr<CompletionsRequest> completion{}; ///< of /v1 alone
    std::optional<ThreadRow> row; ///< the thread, when this owner has it already
    std::size_t seeded = 0;       ///< messages a new thread begins with
    std::string replaced{};       ///< the thread whose first messages the request replaces
    std::function<bool()> ours{}; ///< nobody else can have the thread yet; unset: nobody shares it
    bool unasked = false; ///< its page knows no approvals, and another one's may have asked
    bool waits_for_calls = false; ///< the turn waits for results of the page's functions
    std::vector<ResultDigest> began_with{}; ///< results with which its turn begins
    std::string key{}; ///< Idempotency-Key, empty without
    std::string key_attempt{}; ///< … and this use of it, where lanes share a store
    bool key_left = false; ///< … before which another one died over it
    std::optional<std::string> key_before{}; ///< … and the thread's newest turn before that one's
    std::string answered_by{}; ///< the turn of that one, once it was found to be complete
    std::string request_digest{}; ///< of the thread and the body, with a key alone

    [[nodiscard]] const net::Request& request() const noexcept { return exchange->request(); }
    /// Unix seconds at which it came. A thread that it makes began then: the authority, which shows
    /// its own time of the thread, makes that before the lane has it stored.
    [[nodiscard]] std::int64_t came_s() const {
        return std::chrono::system_clock::to_time_t(record.time);
    }
    [[nodiscard]] double now_s() const { return oa_stream::seconds(Clock::now() - received); }
};
using CallPtr = std::shared_ptr<Call>;

/// The turn was accepted: gives back what the request takes of memory. Its record stays.
void drop_request(Call& call);

/// Its times count from `received`, its first byte.
void note_arrival(Call& call, Clock::time_point received, net::Client client);

[[nodiscard]] CallPtr
open_call(const net::TrustedProxies& proxies, std::shared_ptr<net::Exchange> exchange);

/// x-request-id as given when it is 1–128 characters of [A-Za-z0-9._-]; else a new one.
[[nodiscard]] std::string request_id_of(const net::Headers& headers);
/// A W3C traceparent of version 00, else empty.
[[nodiscard]] std::string traceparent_of(const net::Headers& headers);
/// application/json or …+json, whatever the parameters.
[[nodiscard]] bool is_json_type(std::optional<std::string_view> content_type);

} // namespace oa_stream::lane
