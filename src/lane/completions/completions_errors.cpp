#include "completions_errors.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/encode/openai_errors.hpp"

#include "completions_params.hpp"

#include <fmt/format.h>

#include <array>
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

/// The turn was accepted and may have had effects: a library must not run it again by itself.
Rejection not_again(Rejection rejection) {
    rejection.headers.set("x-should-retry", "false");
    return rejection;
}

/// Under the failure's code, in the words of its cause where that is known.
Rejection said(int status, const turn::Failure& failure) {
    return reject(
        status, std::string(turn::words_of(failure.code).word), turn::sentence_of(failure)
    );
}

/// Nothing was made, and the model takes requests again soon.
bool takes_again(turn::FailureCause cause) noexcept {
    return cause == turn::FailureCause::rate_limited || cause == turn::FailureCause::overloaded;
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

/// By a cause that OpenAI has a code for.
Rejection reject_cause(const turn::Failure& failure) {
    const auto& known = encode::openai_code_of(failure.cause);
    auto out = reject(known.status, std::string(known.code), turn::sentence_of(failure));
    if (!known.param.empty()) {
        out = at_param(std::move(out), std::string(known.param));
    }
    if (failure.retry_after || takes_again(failure.cause)) {
        out = with_retry_after(std::move(out), failure.retry_after.value_or(5));
    }
    return out;
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
            encode::openai_type_of(rejection.status),
            rejection.code,
            rejection.message,
            string_member(rejection.details, "param")
        )
    );
    response.headers.set_all(rejection.headers);
    return response;
}

Rejection reject_failed(const TurnOutcome& outcome, turn::Failure failure) {
    const bool unmet = failure.cause == turn::FailureCause::no_call ||
                       failure.cause == turn::FailureCause::no_json;
    const bool named = !encode::openai_code_of(failure.cause).code.empty();
    if (named && (unmet || !outcome.content)) {
        auto known = reject_cause(failure);
        return takes_again(failure.cause) ? std::move(known) : not_again(std::move(known));
    }
    if (outcome.reason == StopReason::drain) {
        return not_again(reject(503, "server_draining", "this instance was shut down meanwhile"));
    }
    if (outcome.reason == StopReason::wall_time) {
        failure.code = turn::FailureCode::authority_timeout;
    }
    return not_again(said(status_of(failure.code), failure));
}

Rejection reject_unstarted(const Error& error) {
    switch (error.code) {
    case Code::unavailable:
        if (error.where == "rate_limited") {
            return reject_cause({.cause = turn::FailureCause::rate_limited});
        }
        break;
    case Code::timeout: // it may run all the same
        return not_again(said(504, {turn::FailureCode::authority_timeout}));
    case Code::too_large:
        return reject_cause({.cause = turn::FailureCause::context_length});
    case Code::usage:
    case Code::precondition:
        return bad_param("invalid_value", "messages", "the assistant does not take these messages");
    case Code::protocol:
    case Code::not_found:
    case Code::conflict:
    case Code::config:
    case Code::unreadable:
    case Code::internal:
        return said(502, {turn::FailureCode::codex_error});
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
