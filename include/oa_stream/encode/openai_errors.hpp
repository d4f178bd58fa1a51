// Why a turn failed, as OpenAI's APIs say it. Streams and whole answers take it from one function,
// so that they cannot disagree.
#pragma once

#include "oa_stream/turn/event.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::encode {

struct OpenAiError {
    int status = 502; ///< of a whole answer; the type follows from it
    wire::completions::ErrorObject error{}; ///< our words, nothing of the upstream's
    bool may_retry = false; ///< nothing was made, and the model takes requests again soon
    std::optional<int> retry_after{}; ///< seconds
};

/// `content`: the client was sent text or a call, or would have been. What
/// invites a retry is not used then: such a failure is 502. With a cause of the provider's it is a
/// turn_failed, whose message names the cause.
[[nodiscard]] OpenAiError openai_error_of(const turn::Failure& failure, bool content);

/// A param as /v1/responses names it: chat completions call the conversation messages, that API
/// input.
[[nodiscard]] std::string_view responses_param(std::string_view param) noexcept;

} // namespace oa_stream::encode
