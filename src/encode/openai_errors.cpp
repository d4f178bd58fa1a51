#include "oa_stream/encode/openai_errors.hpp"

#include "oa_stream/base/lists.hpp"

#include <array>
#include <string>

namespace oa_stream::encode {

namespace {

using turn::FailureCause;
using turn::FailureCode;

struct OpenAiCode {
    FailureCause cause;
    int status;
    std::string_view code;
    std::string_view param{}; ///< the invalid parameter, by its name in chat completions
    std::string_view message{}; ///< empty: the failure's own
};
/// `other` and `bad_key` have no row; the key is the lane's own.
constexpr std::array k_openai_codes{
    OpenAiCode{FailureCause::rate_limited, 429, "rate_limit_exceeded"},
    OpenAiCode{FailureCause::usage_limit, 429, "insufficient_quota"},
    OpenAiCode{FailureCause::context_length, 400, "context_length_exceeded", "messages"},
    OpenAiCode{FailureCause::unknown_model, 404, "model_not_found", "model"},
    OpenAiCode{FailureCause::overloaded, 503, "overloaded"},
    OpenAiCode{FailureCause::refused, 400, "content_policy_violation"},
    OpenAiCode{FailureCause::schema_refused, 400, "invalid_json_schema"},
    OpenAiCode{FailureCause::no_call, 502, "tool_call_missing"},
    OpenAiCode{FailureCause::no_json, 502, "json_missing"},
    OpenAiCode{
        FailureCause::drained,
        503,
        "server_draining",
        "",
        "The server was shut down before this answer was complete."
    },
    OpenAiCode{
        FailureCause::out_of_time,
        504,
        "authority_timeout",
        "",
        "The assistant did not answer in time."
    },
};

constexpr int k_retry_after_s = 5; ///< if the provider states no time

/// Every 429 and 503 has a Retry-After (rule C3). A quota may return only after days, so it has one
/// only if the provider states it. Other statuses have none.
std::optional<int> pause_of(const turn::Failure& failure, int status) noexcept {
    if (status != 429 && status != 503) {
        return std::nullopt;
    }
    return failure.cause == FailureCause::usage_limit
               ? failure.retry_after
               : failure.retry_after.value_or(k_retry_after_s);
}

int status_of(FailureCode code) noexcept {
    switch (code) {
    case FailureCode::overloaded:
        return 503;
    case FailureCode::authority_timeout:
    case FailureCode::stalled:
        return 504;
    case FailureCode::turn_failed:
    case FailureCode::turn_aborted:
    case FailureCode::turn_lost:
    case FailureCode::authority_lost:
    case FailureCode::codex_error:
    case FailureCode::stale_cursor:
    case FailureCode::reauth_required:
    case FailureCode::adapter_preview_unavailable:
        break;
    }
    return 502;
}

} // namespace

std::string_view responses_param(std::string_view param) noexcept {
    return param == "messages" ? "input" : param;
}

OpenAiError openai_error_of(const turn::Failure& failure, bool content) {
    const bool full = failure.code == FailureCode::overloaded; // the lane is full, not the provider
    const bool passes = full || failure.cause == FailureCause::rate_limited ||
                        failure.cause == FailureCause::overloaded;
    const auto* known = passes && content
                            ? nullptr
                            : find_or_null(k_openai_codes, failure.cause, &OpenAiCode::cause);
    OpenAiError out{.status = known == nullptr ? status_of(failure.code) : known->status};
    if (full && content) {
        out.status = 502;
    }
    out.may_retry = passes && !content;
    out.error.message = turn::sentence_of(failure);
    out.error.type = wire::completions::error_type_of(out.status);
    out.retry_after = pause_of(failure, out.status);
    if (known == nullptr) {
        out.error.code = turn::words_of(failure.code).word;
        return out;
    }
    out.error.code = known->code;
    if (!known->message.empty()) {
        out.error.message = known->message;
    }
    if (!known->param.empty()) {
        out.error.param = known->param;
    }
    return out;
}

} // namespace oa_stream::encode
