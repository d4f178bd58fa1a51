#include "rejection.hpp"

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

namespace oa_stream::lane {

namespace {

constexpr int k_usual_pause_s = 5; ///< where the authority states none

std::string too_long_text(std::optional<int> most) {
    return most ? fmt::format(
                      "the service behind this assistant takes at most {} characters in a message: "
                      "send a shorter one",
                      *most
                  )
                : "the assistant cannot take so much input: send a shorter message";
}

int pause_after(const Error& error) {
    return authority::retry_after_of(error).value_or(k_usual_pause_s);
}

} // namespace

Rejection reject(int status, std::string code, std::string message) {
    Rejection rejection;
    rejection.status = status;
    rejection.code = std::move(code);
    rejection.message = std::move(message);
    return rejection;
}

Rejection invalid_field(std::string field, std::string message) {
    auto rejection = reject(422, "invalid_request", std::move(message));
    rejection.fields.emplace_back(std::move(field), rejection.message);
    return rejection;
}

Rejection with_retry_after(Rejection rejection, int seconds) {
    rejection.headers.set("retry-after", fmt::format("{}", seconds));
    rejection.details["retryAfter"] = seconds;
    return rejection;
}

Rejection reject_start(const Error& error, bool replaces) {
    switch (error.code) {
    case Code::timeout:
        return reject(504, "authority_timeout", "the assistant did not accept the turn in time");
    case Code::protocol:
        return reject(502, "codex_error", "the assistant gave an answer that makes no sense");
    case Code::not_found:
        return reject(404, "not_found", "the assistant does not know this conversation");
    case Code::conflict:
        return with_retry_after(
            reject(409, "turn_in_progress", "this conversation has a turn under way"), 2
        );
    case Code::precondition:
    case Code::usage:
        if (error.where.starts_with(authority::k_function_at)) {
            return invalid_field(
                error.where + ".parameters", "the assistant cannot read this function's JSON Schema"
            );
        }
        return replaces
                   ? reject(
                         422, "regenerate_unsupported", "this assistant cannot replace that message"
                     )
                   : reject(422, "invalid_request", "the assistant does not take this request");
    case Code::too_large:
        return invalid_field("messages", too_long_text(authority::most_characters_of(error)));
    case Code::credentials:
        if (error.where == "client") { // the credential of the user, not of the lane, is refused
            return reject(401, "unauthorized", "the assistant does not accept this credential");
        }
        break;
    case Code::unavailable:
        if (error.where == "rate_limited") {
            return with_retry_after(
                reject(429, "rate_limited", "the model takes no more requests for now"),
                pause_after(error)
            );
        }
        break;
    case Code::cancelled:
    case Code::network:
    case Code::config:
    case Code::unreadable:
    case Code::io:
    case Code::internal:
        break;
    }
    return with_retry_after(
        reject(503, "authority_unavailable", "the assistant is not available right now"),
        pause_after(error)
    );
}

Rejection reject_unable(const Error& error, std::string_view unable) {
    return error.code == Code::precondition ? reject(501, "not_supported", std::string(unable))
                                            : reject_start(error);
}

Rejection reject_read(const Error& error) {
    switch (error.code) {
    case Code::not_found:
        return reject_unknown_thread();
    case Code::precondition:
        return reject(501, "not_supported", "this assistant keeps no conversations");
    case Code::too_large:
        return reject(413, "payload_too_large", "a message of this conversation is too long");
    default:
        auto rejection = reject_start(error);
        rejection.cause = error.text();
        return rejection;
    }
}

Rejection reject_unknown_thread() {
    return reject(404, "not_found", "there is no such conversation");
}

Rejection reject_known_thread() {
    return reject(409, "conflict", "there is such a conversation already");
}

Rejection reject_unstored(std::string_view what) {
    return with_retry_after(
        reject(
            503, "store_unavailable", fmt::format("this service cannot store {} right now", what)
        ),
        5
    );
}

Rejection reject_left() {
    return reject(499, "client_closed_request", "the client left");
}

Rejection reject_busy() {
    auto rejection = with_retry_after(
        reject(
            409,
            "turn_in_progress",
            "this conversation has a turn under way: wait for its end, or stop it"
        ),
        2
    );
    // A library that retries by itself would only wait for a running turn to end.
    rejection.headers.set("x-should-retry", "false");
    return rejection;
}

Rejection reject_full() {
    return with_retry_after(
        reject(503, "service_unavailable", "this service runs as many turns as it can"), 5
    );
}

Rejection reject_owner_full() {
    return with_retry_after(
        reject(429, "rate_limited", "you have as many turns under way as you may"), 5
    );
}

Rejection reject_other_request() {
    return invalid_field("idempotency-key", "this key was used for another request");
}

Rejection reject_still_starting() {
    return with_retry_after(
        reject(409, "turn_in_progress", "this request is still being started"), 2
    );
}

Rejection reject_answered(std::string_view turn) {
    auto rejection = reject(409, "already_answered", "this request was answered already");
    rejection.details["turnId"] = turn;
    rejection.headers.set("x-should-retry", "false");
    return rejection;
}

net::Response json_response(int status, const Json& body) {
    net::Response response;
    response.status = status;
    response.headers.set("content-type", "application/json");
    response.headers.set("cache-control", "no-store");
    response.body = dump_json(body);
    return response;
}

net::Response to_response(const Rejection& rejection, std::string_view request_id) {
    Json error = Json::object();
    error["code"] = rejection.code;
    error["message"] = rejection.message;
    error["requestId"] = request_id;
    error.update(rejection.details);
    Json body = Json::object();
    body["message"] = rejection.message;
    body["error"] = std::move(error);
    if (!rejection.fields.empty()) {
        Json errors = Json::object();
        for (const auto& [field, text] : rejection.fields) {
            errors[field].push_back(text);
        }
        body["errors"] = std::move(errors);
    }
    body.update(rejection.members);
    auto response = json_response(rejection.status, body);
    response.headers.set_all(rejection.headers);
    return response;
}

} // namespace oa_stream::lane
