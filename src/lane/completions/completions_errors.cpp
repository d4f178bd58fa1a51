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
    OtherWord{"authority_unavailable", "overloaded"},
    OtherWord{"rate_limited", "rate_limit_exceeded"},
};

/// The turn was accepted and may have had effects: client libraries must not repeat it on their
/// own.
Rejection without_retry(Rejection rejection) {
    rejection.headers.set("x-should-retry", "false");
    return rejection;
}

Rejection rejection_of(encode::OpenAiError known) {
    auto out = reject(known.status, std::move(known.error.code), std::move(known.error.message));
    if (known.error.param) {
        out = at_param(std::move(out), std::move(*known.error.param));
    }
    return known.retry_after ? with_retry_after(std::move(out), *known.retry_after) : out;
}

Rejection rejection_of(const turn::Failure& failure) {
    return rejection_of(encode::openai_error_of(failure, false));
}

} // namespace

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
            wire::completions::error_type_of(rejection.status),
            rejection.code,
            rejection.message,
            string_member(rejection.details, "param")
        )
    );
    response.headers.set_all(rejection.headers);
    return response;
}

Rejection reject_failed(const turn::Failure& failure, bool content) {
    auto known = encode::openai_error_of(failure, content);
    const bool may_retry = known.may_retry;
    auto out = rejection_of(std::move(known));
    return may_retry ? out : without_retry(std::move(out));
}

Rejection reject_unstarted(const Error& error) {
    switch (error.code) {
    case Code::timeout: // the turn may run nevertheless
        return without_retry(reject_start(error));
    case Code::too_large: // of one message, unlike a conversation that is too long for the model
        return bad_param("string_above_max_length", "messages", reject_start(error).message);
    case Code::usage:
    case Code::precondition: {
        auto fields = reject_start(error).fields;
        if (!fields.empty()) { // the request's member at fault is known
            auto& [field, message] = fields.front();
            return bad_param("invalid_value", std::move(field), std::move(message));
        }
        return bad_param("invalid_value", "messages", "the assistant does not take these messages");
    }
    case Code::not_found: // of a conversation, which the client did not name
    case Code::conflict:
        return rejection_of({turn::FailureCode::codex_error});
    default:
        return reject_start(error);
    }
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
