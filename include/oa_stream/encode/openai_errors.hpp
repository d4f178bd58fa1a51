// Why a turn failed, as OpenAI's APIs name it: the same in a stream's error and a whole answer's.
#pragma once

#include "oa_stream/turn/words.hpp"

#include <string_view>

namespace oa_stream::encode {

struct OpenAiCode {
    turn::FailureCause cause = turn::FailureCause::other;
    int status = 502; ///< of a whole answer; the type follows from it
    std::string_view code{}; ///< empty: the API has no name for the cause
    std::string_view param{}; ///< the parameter at fault, as chat completions call it
};
[[nodiscard]] const OpenAiCode& openai_code_of(turn::FailureCause cause) noexcept;

/// "invalid_request_error"
[[nodiscard]] std::string_view openai_type_of(int status) noexcept;

} // namespace oa_stream::encode
