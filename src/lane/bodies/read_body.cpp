#include "read_body.hpp"

#include "oa_stream/base/text.hpp"

#include "gates/gates.hpp"
#include "surrogates.hpp"

#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_message_list = "messages";

Rejection reject_json(const Error& error) {
    if (error.code == Code::cancelled) {
        return reject_left();
    }
    if (error.code == Code::too_large) {
        return reject(413, "payload_too_large", "the body is too large: " + error.message);
    }
    return reject(
        400, "invalid_json", fmt::format("the body is not valid JSON: {}", printable(error.message))
    );
}

Rejection reject_half() {
    return reject(400, "invalid_json", "the newest message has a surrogate without its other half");
}

Accepted<void> read_now(
    std::string_view text, const JsonBounds& bounds, const BodyKeep& keep, const BodyUse& use
) {
    // The tree is freed in this function, on the same thread: freeing a large one takes time as
    // well.
    auto body = parse_json_within(text, bounds);
    if (!body && body.error().code == Code::protocol && keep.half_in_new) {
        if (const auto repaired = replace_halves(text)) {
            body = parse_json_within(*repaired, bounds);
            if (body && keep.half_in_new(*body)) {
                return reject_half();
            }
            if (body) {
                replace_surrogates(*body);
            }
        }
    }
    return body ? use(*body) : reject_json(body.error());
}

} // namespace

BodyKeep keep_message(std::optional<std::size_t> at) {
    static constexpr std::array<std::string_view, 1> k_listed{k_message_list};
    static constexpr std::array<std::string_view, 1> k_lone{"message"};
    return {
        .wanted = k_listed,
        .whole = at ? std::span<const std::string_view>() : k_lone,
        .half_in_new = no_more_new,
        .message = at.value_or(JsonBounds::k_none)
    };
}

Rejection reject_crowd() {
    return with_retry_after(
        reject(503, "service_unavailable", "too many large requests are being read: try again"), 1
    );
}

Task<Accepted<void>> read_body(LaneState* lane, CallPtr call, BodyKeep keep, BodyUse use) {
    const std::string& text = call->request().body;
    const auto& config = lane->config.limits;
    JsonBounds bounds{
        .depth = config.json_depth,
        .members = config.json_members,
        .values = config.json_values,
        .wanted = keep.wanted,
        .whole = keep.whole,
        .named_levels = keep.named_levels,
        .list = k_message_list,
        .item = keep.message
    };
    if (text.size() <= k_on_loop) {
        co_return read_now(text, bounds, keep, use);
    }
    Accepted<void> result{};
    bool read = false;
    const auto job = [&](std::stop_token stop) {
        bounds.stop = std::move(stop);
        try {
            result = read_now(text, bounds, keep, use);
            read = true;
        } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): refused below
        }
    };
    const auto gone = [&] { return call->exchange->peer_gone(); };
    if (!co_await lane->bodies.run(text.size(), job, gone) || !read) {
        co_return reject_crowd();
    }
    if (lane->draining && bounds.stop.stop_requested()) {
        co_return open_for_turns(*lane, *call); // the client is still there, so the lane ends
    }
    co_return result;
}

} // namespace oa_stream::lane
