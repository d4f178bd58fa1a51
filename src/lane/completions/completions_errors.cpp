#include "completions_errors.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/completions.hpp"

#include "completions_params.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace oa_stream::lane {

namespace {

struct OtherWord {
    std::string_view lane;
    std::string_view openai;
};
constexpr std::array k_other_words{
    OtherWord{"payload_too_large", "request_too_large"},
    OtherWord{"unauthorized", "invalid_api_key"},
    OtherWord{"service_unavailable", "overloaded"},
    OtherWord{"rate_limited", "rate_limit_exceeded"},
};

std::string_view type_of(int status) noexcept {
    if (status == 429) {
        return "rate_limit_error";
    }
    return status >= 500 ? "server_error" : "invalid_request_error";
}

/// The turn was accepted and may have had effects: a library must not run it again by itself.
Rejection not_again(Rejection rejection) {
    rejection.headers.set("x-should-retry", "false");
    return rejection;
}

/// In the words of the failure's code or cause.
Rejection said(int status, auto failure) {
    const auto& words = turn::words_of(failure);
    return reject(status, std::string(words.word), std::string(words.sentence));
}

int status_of(turn::FailureCode code) noexcept {
    switch (code) {
    case turn::FailureCode::overloaded:
        return 503;
    case turn::FailureCode::authority_timeout:
    case turn::FailureCode::stalled:
        return 504;
    case turn::FailureCode::turn_failed:
    case turn::FailureCode::turn_aborted:
    case turn::FailureCode::turn_lost:
    case turn::FailureCode::authority_lost:
    case turn::FailureCode::codex_error:
    case turn::FailureCode::stale_cursor:
    case turn::FailureCode::reauth_required:
    case turn::FailureCode::adapter_preview_unavailable:
        break;
    }
    return 502;
}

Rejection reject_rate(int seconds = 5) {
    return with_retry_after(
        reject(429, "rate_limit_exceeded", "the model takes no more requests for now"), seconds
    );
}

Rejection reject_context() {
    return bad_param(
        "context_length_exceeded", "messages", "the messages are longer than the model can take"
    );
}

/// Nothing was made, and the client or its operator can do something about it.
std::optional<Rejection> reject_cause(const turn::Failure& failure) {
    const std::string sentence(turn::words_of(failure.cause).sentence);
    switch (failure.cause) {
    case turn::FailureCause::rate_limited:
        return reject_rate(failure.retry_after.value_or(5));
    case turn::FailureCause::usage_limit:
        return failure.retry_after
                   ? with_retry_after(
                         reject(429, "insufficient_quota", sentence), *failure.retry_after
                     )
                   : reject(429, "insufficient_quota", sentence);
    case turn::FailureCause::context_length:
        return reject_context();
    case turn::FailureCause::unknown_model:
        return at_param(reject(404, "model_not_found", sentence), "model");
    case turn::FailureCause::overloaded:
        return with_retry_after(
            reject(503, "overloaded", sentence), failure.retry_after.value_or(5)
        );
    case turn::FailureCause::refused:
        return reject(400, "content_policy_violation", sentence);
    case turn::FailureCause::no_call:
    case turn::FailureCause::no_json:
    case turn::FailureCause::bad_key: // the lane's own: no fault of the client
    case turn::FailureCause::other:
        break;
    }
    return std::nullopt;
}

} // namespace

bool speaks_openai(std::string_view path) noexcept {
    return path == "/v1" || path.starts_with("/v1/") || path.starts_with("/openai/");
}

Rejection in_openai_words(Rejection rejection) {
    if (const auto* word = find_or_null(k_other_words, rejection.code, &OtherWord::lane)) {
        rejection.code = word->openai;
    }
    return rejection;
}

net::Response to_openai_response(const Rejection& rejection) {
    auto response = json_response(
        rejection.status,
        encode::completions_error(
            type_of(rejection.status),
            rejection.code,
            rejection.message,
            string_member(rejection.details, "param")
        )
    );
    response.headers.set_all(rejection.headers);
    return response;
}

Rejection reject_failed(const TurnOutcome& outcome, const turn::Failure& failure) {
    if (failure.cause == turn::FailureCause::no_call ||
        failure.cause == turn::FailureCause::no_json) {
        return not_again(said(502, failure.cause));
    }
    if (auto known = outcome.content ? std::nullopt : reject_cause(failure)) {
        const bool again = failure.cause == turn::FailureCause::rate_limited ||
                           failure.cause == turn::FailureCause::overloaded;
        return again ? *std::move(known) : not_again(*std::move(known));
    }
    if (outcome.reason == StopReason::drain) {
        return not_again(reject(503, "server_draining", "this instance was shut down meanwhile"));
    }
    const auto code = outcome.reason == StopReason::wall_time ? turn::FailureCode::authority_timeout
                                                              : failure.code;
    return not_again(said(status_of(code), code));
}

Rejection reject_unstarted(const Error& error) {
    switch (error.code) {
    case Code::unavailable:
        if (error.where == "rate_limited") {
            return reject_rate();
        }
        break;
    case Code::timeout: // it may run all the same
        return not_again(said(504, turn::FailureCode::authority_timeout));
    case Code::too_large:
        return reject_context();
    case Code::usage:
    case Code::precondition:
        return bad_param("invalid_value", "messages", "the assistant does not take these messages");
    case Code::protocol:
    case Code::not_found:
    case Code::conflict:
    case Code::config:
    case Code::unreadable:
    case Code::internal:
        return said(502, turn::FailureCode::codex_error);
    case Code::cancelled:
    case Code::network:
    case Code::credentials:
    case Code::io:
        break;
    }
    return with_retry_after(
        reject(503, "overloaded", "the assistant is not available right now"), 5
    );
}

Rejection reject_concurrency(std::size_t limit) {
    return with_retry_after(
        reject(
            429,
            "concurrency_exceeded",
            fmt::format("{} answers are being made already: try again", limit)
        ),
        1
    );
}

Rejection reject_model(std::string_view model) {
    auto message = fmt::format("there is no model '{}' here", printable(model, 100));
    return at_param(reject(404, "model_not_found", std::move(message)), "model");
}

} // namespace oa_stream::lane
