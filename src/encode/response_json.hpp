// The JSON objects for parts, counts and errors of a response.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/encode/responses.hpp"
#include "oa_stream/turn/event.hpp"
#include "oa_stream/wire/completions_chunk.hpp"
#include "oa_stream/wire/response_names.hpp"

#include "openai_answer.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace oa_stream::encode::response {

using namespace wire::responses;

inline constexpr std::string_view k_in_progress = "in_progress";
inline constexpr std::string_view k_completed = "completed";

[[nodiscard]] inline const ItemKind& kind_of(turn::PartKind kind) {
    return kind == turn::PartKind::text ? k_message : k_reasoning;
}

[[nodiscard]] inline Json part_of(const ItemKind& kind, std::string_view text) {
    Json part = Json::object({{"type", kind.part_type}, {"text", text}});
    if (&kind == &k_message) {
        part["annotations"] = Json::array();
        part["logprobs"] = Json::array();
    }
    return part;
}

[[nodiscard]] inline Json usage_json(const wire::completions::Usage& usage) {
    Json out = Json::object();
    out["input_tokens"] = usage.prompt;
    out["input_tokens_details"]["cached_tokens"] = usage.cached.value_or(0);
    out["output_tokens"] = usage.completion;
    out["output_tokens_details"]["reasoning_tokens"] = usage.reasoning.value_or(0);
    out["total_tokens"] = usage.total;
    return out;
}

/// The form in the event `error`.
[[nodiscard]] inline Json error_json(const wire::completions::ErrorObject& error) {
    Json out = Json::object();
    out["type"] = error.type;
    out["code"] = error.code;
    out["message"] = error.message;
    out["param"] = nullptr;
    if (error.param) {
        out["param"] = responses_param(*error.param);
    }
    return out;
}

/// The form in response.failed. The API has few codes for it, so our code is in the message.
[[nodiscard]] inline Json
failed_json(const wire::completions::ErrorObject& error, turn::FailureCause cause) {
    const std::string_view code = error.type == "rate_limit_error"       ? "rate_limit_exceeded"
                                  : cause == turn::FailureCause::refused ? "invalid_prompt"
                                                                         : "server_error";
    Json out = Json::object({{"code", code}});
    out["message"] = fmt::format("{} ({})", error.message, error.code);
    return out;
}

[[nodiscard]] inline std::string valid(std::string_view text) {
    std::string out;
    append_valid(out, text);
    return out;
}

} // namespace oa_stream::encode::response
