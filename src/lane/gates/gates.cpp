#include "gates.hpp"

#include "oa_stream/base/text.hpp"

#include "chats/thread_name.hpp"
#include "compat.hpp"
#include "site.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

Accepted<void> pass_gates(const LaneState& lane, Call& call, std::span<const Gate> gates) {
    for (const Gate gate : gates) {
        OA_CHECK(gate(lane, call));
    }
    return {};
}

namespace {

Rejection reject_body(const Error& error) {
    switch (error.code) {
    case Code::too_large:
        return reject(413, "payload_too_large", "the body is too large");
    case Code::timeout:
        return reject(408, "request_timeout", "the body was not received in time");
    case Code::unavailable:
        return with_retry_after(
            reject(503, "service_unavailable", "too many request bodies at once: try again"), 1
        );
    case Code::network:
    case Code::cancelled:
        return reject_left();
    default:
        return reject(400, "bad_request", "the body is not well-formed HTTP");
    }
}

Rejection reject_resend() {
    return reject(
        413,
        "payload_too_large",
        "the body is too large, even without the files of old messages: send the newest message "
        "alone, and when it is, less text or smaller files"
    );
}

} // namespace

Task<Accepted<void>> admit(
    // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): the lane outlives its calls
    const LaneState& lane,
    CallPtr call,
    std::span<const Gate> head_gates,
    std::unique_ptr<net::BodySieve> sieve
) {
    OA_CO_CHECK(pass_gates(lane, *call, head_gates));
    const bool resends = sieve != nullptr;
    // One owner alone has nobody to leave room for.
    const bool fair = lane.tokens && lane.tokens->has_several_owners();
    const auto read = co_await call->exchange->read_body(
        std::move(sieve), fair ? call->record.owner : std::string()
    );
    if (!read) {
        if (resends && read.error().code == Code::too_large) {
            co_return reject_resend();
        }
        co_return reject_body(read.error());
    }
    co_return Accepted<void>{};
}

Accepted<void> body_size(const LaneState& /*lane*/, Call& call) {
    return call.request().body_too_large ? reject_body({.code = Code::too_large, .message = {}})
                                         : Accepted<void>{};
}

Accepted<void> resend_size(const LaneState& /*lane*/, Call& call) {
    const auto& request = call.request();
    if (request.body_beyond_sieves) {
        return reject_resend();
    }
    // The sieve reads only JSON.
    const bool sieved = is_json_type(request.headers.get("content-type"));
    return request.body_too_large && !sieved ? reject_body({.code = Code::too_large, .message = {}})
                                             : Accepted<void>{};
}

Accepted<void> compatibility(const LaneState& lane, Call& call) {
    const auto& config = lane.config;
    const auto code = negotiate(config.window, config.compat, handshake_of(call.request().headers));
    if (code) {
        lane.observer().compat_rejected(*code, !call.record.probe.empty());
        return reject_compat(config.window, *code);
    }
    return {};
}

Accepted<void> owner(const LaneState& lane, Call& call) {
    const auto& headers = call.request().headers;
    // Azure's clients send api-key. It is ignored when an Authorization header is there, too.
    const bool azure = speaks_openai(call.request().path) && !headers.has("authorization");
    const std::string_view header = azure && headers.has("api-key") ? "api-key" : "authorization";
    if (count_of(headers, header) > 1) {
        return reject(
            400,
            "bad_request",
            fmt::format("the request has more than one {} header", azure ? header : "Authorization")
        );
    }
    if (!lane.tokens) {
        return {};
    }
    std::optional<std::string> given(headers.get(header));
    if (given && header == "api-key") {
        given->insert(0, "Bearer ");
    }
    auto name = lane.tokens->check(given, std::chrono::system_clock::now());
    if (!name) {
        auto rejection = reject(401, "unauthorized", std::string(to_string(name.error())));
        const bool tried = name.error() != Denied::missing;
        rejection.headers.set(
            "www-authenticate",
            tried ? R"(Bearer realm="oa-stream", error="invalid_token")"
                  : R"(Bearer realm="oa-stream")"
        );
        return rejection;
    }
    call.record.owner = *std::move(name);
    return {};
}

Accepted<void> content_type(const LaneState& /*lane*/, Call& call) {
    const auto& headers = call.request().headers;
    if (!is_json_type(headers.get("content-type")) || count_of(headers, "content-type") > 1) {
        return reject(415, "unsupported_media_type", "the body must be sent as application/json");
    }
    const auto encoding = to_lower(headers.get("content-encoding").value_or(""));
    if (!encoding.empty() && encoding != "identity") {
        return reject(
            415, "unsupported_media_type", "the body must be sent without a Content-Encoding"
        );
    }
    return {};
}

Accepted<void> optional_type(const LaneState& lane, Call& call) {
    const auto& headers = call.request().headers;
    const bool bodiless =
        !headers.has("transfer-encoding") && headers.get("content-length").value_or("0") == "0";
    return bodiless && !headers.has("content-type") ? Accepted<void>{} : content_type(lane, call);
}

Accepted<void> known_thread(const LaneState& lane, Call& call) {
    OA_TRY(auto id, read_path_id(call.match.id.value_or("")));
    const auto& who = call.record.owner;
    if (!lane.ids().contains(who, id) && !lane.turns.starting(who, id)) {
        return reject_unknown_thread();
    }
    call.record.thread = std::move(id);
    return {};
}

Accepted<void> open_for_turns(const LaneState& lane, Call& call) {
    // /v1 uses the codes that OpenAI's clients know.
    const bool openai = speaks_openai(call.request().path);
    if (lane.draining) {
        auto rejection = with_retry_after(
            reject(
                503,
                openai ? "server_draining" : "service_unavailable",
                "this instance is shutting down: try again"
            ),
            1
        );
        rejection.headers.set("connection", "close");
        return rejection;
    }
    if (lane.config.mode == LaneMode::off) {
        auto rejection =
            openai ? reject(503, "overloaded", "this lane is switched off")
                   : reject(503, "service_unavailable", "the stream lane is switched off");
        return with_retry_after(std::move(rejection), 30);
    }
    return {};
}

} // namespace oa_stream::lane
