// Turn events → OpenAI's Responses API: the named events of a stream, or one whole response. Both
// use the same state, so they cannot disagree; events are checked by the contract's machine.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include <functional>
#include <memory>

namespace oa_stream::encode {

struct ResponseIdentity {
    /// id ("resp_…"), object, created_at, model and members copied from the request: all except
    /// status, output, error, incomplete_details and usage.
    Json response = Json::object();
    AnswerDemands demands{};
    bool reasoning = false; ///< send reasoning, as summaries
    /// Called once with a complete or cut response, never with a failed one.
    std::function<void(const Json& response)> on_response{};
};

/// created, in_progress, one item after the other, completed | incomplete | failed. Every text part
/// becomes a message, every call of a client function a function_call; other tools and notes
/// produce nothing. Without `streamed` it writes no frames, and a failed turn is result()'s error.
/// The response is collected in both cases.
[[nodiscard]] std::unique_ptr<WholeAnswer>
responses_answer(ResponseIdentity identity, bool streamed, TextRoom room = {});

} // namespace oa_stream::encode
