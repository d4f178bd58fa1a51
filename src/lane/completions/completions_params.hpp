// The parameters of a chat completion, one table: what each may be and what becomes of it.
#pragma once

#include "completions_request.hpp"

namespace oa_stream::lane {

/// 400 naming the parameter.
[[nodiscard]] Rejection bad_param(std::string code, std::string param, std::string message);

/// Everything but the messages.
[[nodiscard]] Accepted<void>
read_params(const Json& body, const CompletionsContext& context, CompletionsRequest& out);

} // namespace oa_stream::lane
