// The gates of a stream request, in the order in which they stand.
#include "oa_stream/base/text.hpp"

#include "call.hpp"

#include <fmt/format.h>

namespace oa_stream::lane {

Accepted<void> Lane::check_size(const Call& call) const {
    if (call.request().body_too_large) {
        return std::unexpected(reject(413, "payload_too_large", "the body is too large"));
    }
    return {};
}

Accepted<void> Lane::check_compat(const Call& call) {
    const auto code =
        negotiate(config_.window, config_.compat, handshake_of(call.request().headers));
    if (code) {
        observer_->compat_rejected(*code);
        return std::unexpected(reject_compat(config_.window, *code));
    }
    return {};
}

Accepted<void> Lane::check_owner(Call& call) const {
    if (!tokens_) {
        return {};
    }
    auto owner = tokens_->check(
        call.request().headers.get("authorization"), std::chrono::system_clock::now()
    );
    if (!owner) {
        auto rejection = reject(401, "unauthorized", std::string(to_string(owner.error())));
        const bool tried = owner.error() != Denied::missing;
        rejection.headers.set(
            "www-authenticate",
            tried ? R"(Bearer realm="oa-stream", error="invalid_token")"
                  : R"(Bearer realm="oa-stream")"
        );
        return std::unexpected(std::move(rejection));
    }
    call.record.owner = *std::move(owner);
    return {};
}

Accepted<void> Lane::check_body(Call& call) const {
    const auto& request = call.request();
    if (!is_json_type(request.headers.get("content-type"))) {
        return std::unexpected(
            reject(415, "unsupported_media_type", "the body must be sent as application/json")
        );
    }
    const auto body = parse_json(request.body, {.depth = config_.limits.json_depth});
    if (!body) {
        return std::unexpected(reject(
            400,
            "invalid_json",
            fmt::format("the body is no valid JSON: {}", printable(body.error().message))
        ));
    }
    ChatRequestContext context;
    context.path_id = call.match.id;
    context.query = request.query;
    context.text_chars = config_.limits.text_chars;
    context.images = parts_.authority->capabilities().images;
    auto chat = read_chat_request(*body, context);
    if (!chat) {
        return std::unexpected(std::move(chat).error());
    }
    auto key = idempotency_key_of(request.headers);
    if (!key) {
        return std::unexpected(std::move(key).error());
    }
    call.key = std::move(*key).value_or("");
    call.chat = *std::move(chat);
    call.record.thread = call.chat.thread;
    return {};
}

Accepted<void> Lane::check_open() const {
    if (draining_) {
        auto rejection = with_retry_after(
            reject(503, "service_unavailable", "this instance is shutting down: try again"), 1
        );
        rejection.headers.set("connection", "close");
        return std::unexpected(std::move(rejection));
    }
    if (config_.mode == LaneMode::off) {
        return std::unexpected(with_retry_after(
            reject(503, "service_unavailable", "the stream lane is switched off"), 30
        ));
    }
    return {};
}

Accepted<void> Lane::pass_gates(Call& call) {
    if (auto passed = check_size(call); !passed) {
        return passed;
    }
    if (auto passed = check_compat(call); !passed) {
        return passed;
    }
    if (auto passed = check_owner(call); !passed) {
        return passed;
    }
    if (auto passed = check_body(call); !passed) {
        return passed;
    }
    return check_open();
}

} // namespace oa_stream::lane
