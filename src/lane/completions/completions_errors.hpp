// Refusals and failures in the form that OpenAI clients expect.
#pragma once

#include "oa_stream/lane/records.hpp"

#include "gates/rejection.hpp"

namespace oa_stream::lane {

/// The same refusal, with OpenAI's code where OpenAI uses another one.
[[nodiscard]] Rejection in_openai_words(Rejection rejection);

/// {"error":{"message","type","param","code"}}. The type follows from the status; param is
/// details["param"].
[[nodiscard]] net::Response to_openai_response(const Rejection& rejection);

/// The status and code of a whole answer that failed; the same codes as in a stream.
[[nodiscard]] Rejection reject_failed(const turn::Failure& failure, bool content);

/// Like reject_start(), for a turn without a conversation.
[[nodiscard]] Rejection reject_unstarted(const Error& error);

[[nodiscard]] Rejection reject_concurrency(std::size_t limit);
[[nodiscard]] Rejection reject_model(std::string_view model);

} // namespace oa_stream::lane
