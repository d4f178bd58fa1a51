#include "oa_stream/encode/openai_errors.hpp"

#include "oa_stream/base/lists.hpp"

#include "completion_turn.hpp"

#include <array>

namespace oa_stream::encode {

namespace {

using turn::FailureCause;

constexpr std::array k_openai_codes{
    OpenAiCode{FailureCause::rate_limited, 429, "rate_limit_exceeded"},
    OpenAiCode{FailureCause::usage_limit, 429, "insufficient_quota"},
    OpenAiCode{FailureCause::context_length, 400, "context_length_exceeded", "messages"},
    OpenAiCode{FailureCause::unknown_model, 404, "model_not_found", "model"},
    OpenAiCode{FailureCause::overloaded, 503, "overloaded"},
    OpenAiCode{FailureCause::refused, 400, "content_policy_violation"},
    OpenAiCode{FailureCause::no_call, 502, "tool_call_missing"},
    OpenAiCode{FailureCause::no_json, 502, "json_missing"},
};
constexpr OpenAiCode k_unnamed{}; ///< `other`, and `bad_key`: the lane's own

} // namespace

const OpenAiCode& openai_code_of(turn::FailureCause cause) noexcept {
    const auto* known = find_or_null(k_openai_codes, cause, &OpenAiCode::cause);
    return known == nullptr ? k_unnamed : *known;
}

std::string_view openai_type_of(int status) noexcept {
    if (status == 429) {
        return "rate_limit_error";
    }
    return status >= 500 ? "server_error" : "invalid_request_error";
}

wire::completions::ErrorObject error_of(const turn::Failure& failure) {
    const OpenAiCode& known = openai_code_of(failure.cause);
    wire::completions::ErrorObject out{
        .message = turn::sentence_of(failure),
        .type = std::string(openai_type_of(known.status)),
        .code = std::string(known.code.empty() ? turn::words_of(failure.code).word : known.code),
    };
    if (!known.param.empty()) {
        out.param = known.param;
    }
    return out;
}

} // namespace oa_stream::encode
