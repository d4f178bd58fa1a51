// The parameters of a chat completion in one table: which values they accept and what they do.
#pragma once

#include "completions_request.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::lane {

/// The same refusal with the parameter's name.
[[nodiscard]] Rejection at_param(Rejection rejection, std::string param);
/// 400 with the parameter's name.
[[nodiscard]] Rejection bad_param(std::string code, std::string param, std::string message);

/// "'PARAM' must be MUST"
[[nodiscard]] inline Rejection
bad(std::string code, std::string_view param, std::string_view must) {
    auto message = fmt::format("'{}' must be {}", param, must);
    return bad_param(std::move(code), std::string(param), std::move(message));
}

/// 400 for a value that may be valid in the API but cannot be used here.
[[nodiscard]] inline Rejection unsupported(std::string param, std::string message) {
    return bad_param("unsupported_value", std::move(param), std::move(message));
}

/// "WHAT of type 'TYPE' are not supported here"; `path`: of the object with the member `type`.
[[nodiscard]] Rejection
unsupported_type(std::string_view what, std::string_view type, const std::string& path);

/// A request that names a worker must run on that one: refused on any other.
[[nodiscard]] Accepted<void> check_worker(const Json& body, std::string_view own);

/// Reads everything but the messages.
[[nodiscard]] Accepted<void>
read_params(const Json& body, const CompletionsContext& context, CompletionsRequest& out);

} // namespace oa_stream::lane
