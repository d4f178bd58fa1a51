// The parameters of a chat completion, one table: what each may be and what becomes of it.
#pragma once

#include "completions_request.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::lane {

/// The same refusal, naming the parameter.
[[nodiscard]] Rejection at_param(Rejection rejection, std::string param);
/// 400 naming the parameter.
[[nodiscard]] Rejection bad_param(std::string code, std::string param, std::string message);

/// "'PARAM' must be MUST"
[[nodiscard]] inline Rejection
bad(std::string code, std::string_view param, std::string_view must) {
    auto message = fmt::format("'{}' must be {}", param, must);
    return bad_param(std::move(code), std::string(param), std::move(message));
}

/// What may be right, but is of no use here.
[[nodiscard]] inline Rejection unsupported(std::string param, std::string message) {
    return bad_param("unsupported_value", std::move(param), std::move(message));
}

/// "WHAT of type 'TYPE' are not supported here", for a member `type` of what is at `path`.
[[nodiscard]] Rejection
unsupported_type(std::string_view what, std::string_view type, const std::string& path);

/// A request that names a worker runs on that one or not at all.
[[nodiscard]] Accepted<void> check_worker(const Json& body, std::string_view own);

/// Everything but the messages.
[[nodiscard]] Accepted<void>
read_params(const Json& body, const CompletionsContext& context, CompletionsRequest& out);

} // namespace oa_stream::lane
