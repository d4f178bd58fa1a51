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
    std::shared_ptr<CompletionsRequest> completion{}; ///< set for /v1 requests only
    std::optional<ThreadRow> row; ///< the thread's row, when this owner has it already
    std::size_t seeded = 0; ///< number of messages that a new thread begins with
    std::string replaced{}; ///< the thread that is deleted once the new one replaces it
    /// False when another lane may have the thread by now; unset: no store is shared
    std::function<bool()> ours{};
    /// Its page does not support approvals, but the turn's may have been asked for
    bool unasked = false;
    bool waits_for_calls = false; ///< the turn waits for results of the page's functions
    std::vector<ResultDigest> began_with{}; ///< the results that its turn begins with
    std::string key{}; ///< Idempotency-Key; empty without one
    std::string key_attempt{}; ///< … and the id of this use of it, where lanes share a store
    bool key_left = false; ///< … and an earlier use of it ended because its lane died
    std::optional<std::string> key_before{}; ///< … and the thread's newest turn when that use began
    std::string answered_by{}; ///< the turn that completed this request under an earlier use
    std::string request_digest{}; ///< digest of the thread and the body; set only with a key

    [[nodiscard]] const net::Request& request() const noexcept { return exchange->request(); }
    /// Unix seconds at which the request arrived. A thread that it makes gets this creation time,
    /// not the time of storing: the authority, whose own time lists show later, makes the thread
    /// before the lane stores it.
    [[nodiscard]] std::int64_t came_s() const {
        return std::chrono::system_clock::to_time_t(record.time);
    }
    [[nodiscard]] double now_s() const { return oa_stream::seconds(Clock::now() - received); }
};
using CallPtr = std::shared_ptr<Call>;

/// Call it when the turn is accepted: frees the memory of the request. Its record stays.
void drop_request(Call& call);

/// Sets the time base of the record to `received`, when the first byte arrived.
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
