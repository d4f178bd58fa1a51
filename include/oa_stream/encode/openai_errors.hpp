// Turn failures as errors of OpenAI's APIs. Streams and whole answers use the same function, so
// that they cannot disagree.
#pragma once

#include "oa_stream/turn/event.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::encode {

struct OpenAiError {
    int status = 502; ///< status of a whole answer; the type follows from it
    wire::completions::ErrorObject error{}; ///< our own text, without upstream details
    bool may_retry = false; ///< nothing was produced, and the model accepts requests again soon
    std::optional<int> retry_after{}; ///< seconds
};

/// `content`: text or a call was sent, or would have been. Then no error invites a retry: such a
/// failure is 502. A failure caused by the provider is a turn_failed whose message names the cause.
[[nodiscard]] OpenAiError openai_error_of(const turn::Failure& failure, bool content);

/// Converts a param to its name in /v1/responses: the conversation is "messages" in chat
/// completions and "input" there.
[[nodiscard]] std::string_view responses_param(std::string_view param) noexcept;

} // namespace oa_stream::encode
