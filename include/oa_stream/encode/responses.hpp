// Turn events → OpenAI's Responses API: the named events of a stream, or one whole response. Both
// come from one state, so they cannot disagree; events go through the contract's machine.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include <functional>
#include <memory>

namespace oa_stream::encode {

struct ResponseIdentity {
    /// id ("resp_…"), object, created_at, model, and what the request said: all but status, output,
    /// error, incomplete_details and usage.
    Json response = Json::object();
    AnswerDemands demands{};
    bool reasoning = false; ///< reasoning is sent, as summaries
    /// Called once with a response that is complete or was cut, never with one that failed.
    std::function<void(const Json& response)> on_response{};
};

/// created, in_progress, one item after the other, completed | incomplete | failed. Every text part
/// is a message, every call of the client's functions a function_call; other tools and notes
/// produce nothing. Not streamed it never writes; then a failed turn is result()'s error. Either
/// way it is gathered.
[[nodiscard]] std::unique_ptr<WholeAnswer>
responses_answer(ResponseIdentity identity, bool streamed, TextRoom room = {});

} // namespace oa_stream::encode
