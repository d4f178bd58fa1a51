#include "completions_held.hpp"

#include "stream/target_request.hpp"

#include <algorithm>

namespace oa_stream::probe {

namespace {

constexpr Millis k_look{10};
constexpr Millis k_longest{5000}; // a stream begins before its first word

/// Only the HeldStream owns the transfer; the handlers hold a weak pointer to it.
net::StreamHandlers handlers_of(const std::weak_ptr<HeldStream>& held) {
    net::StreamHandlers handlers;
    handlers.on_head = [held](const net::ClientResponse& head) {
        if (const auto open = held.lock()) {
            open->status = head.status;
            open->headers = head.headers;
        }
        return net::Flow::go_on;
    };
    handlers.on_bytes = [held](std::string_view bytes, Clock::time_point) {
        constexpr std::size_t k_most = 1U << 20U;
        if (const auto open = held.lock(); open && open->body.size() < k_most) {
            open->body += bytes;
            open->ended = open->ended || open->body.contains("data: [DONE]") ||
                          open->body.contains("event: response.completed");
        }
        return net::Flow::go_on;
    };
    return handlers;
}

} // namespace

Task<std::shared_ptr<HeldStream>> hold_stream(RunPtr run, Json body) {
    auto request =
        target_request(run->options.target, "POST", path_of(run->options.api), run->options.limits);
    request.headers.set("content-type", "application/json");
    request.body = dump_json(body);
    request.fresh_connection = true;
    const auto held = std::make_shared<HeldStream>();
    held->transfer = run->client->stream(std::move(request), handlers_of(held));
    const auto last = Clock::now() + std::min(run->options.limits.first_byte, k_longest);
    while (held->body.empty() && Clock::now() < last && co_await sleep_for(k_look)) {
    }
    co_return held;
}

} // namespace oa_stream::probe
