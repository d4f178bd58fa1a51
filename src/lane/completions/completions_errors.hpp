// Refusals and failures as OpenAI clients expect them.
#pragma once

#include "oa_stream/lane/records.hpp"

#include "gates/rejection.hpp"

namespace oa_stream::lane {

/// The same refusal with the code that OpenAI clients know, where it has another name there.
[[nodiscard]] Rejection in_openai_words(Rejection rejection);

/// {"error":{"message","type","param","code"}}; the type follows from the status, the param is
/// details["param"].
[[nodiscard]] net::Response to_openai_response(const Rejection& rejection);

/// Why a whole answer failed, as status and code: those of a stream's error.
[[nodiscard]] Rejection reject_failed(const turn::Failure& failure, bool content);

/// reject_start() for a turn without a conversation.
[[nodiscard]] Rejection reject_unstarted(const Error& error);

[[nodiscard]] Rejection reject_concurrency(std::size_t limit);
[[nodiscard]] Rejection reject_model(std::string_view model);

} // namespace oa_stream::lane
