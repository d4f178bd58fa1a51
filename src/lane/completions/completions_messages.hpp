// messages[] of a chat completion → instructions, seed and input.
#pragma once

#include "completions_request.hpp"

namespace oa_stream::lane {

[[nodiscard]] Accepted<void> read_completions_messages(
    const Json& body, const CompletionsContext& context, CompletionsRequest& out
);

} // namespace oa_stream::lane
