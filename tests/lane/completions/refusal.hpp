// What became of a request of /v1/chat/completions, as one line to compare.
#pragma once

#include "completions/completions_request.hpp"

#include <fmt/format.h>

#include <string>

namespace oa_stream::lane {

/// "400 invalid_value messages[0]", or "accepted".
inline std::string refusal(const Accepted<CompletionsRequest>& request) {
    if (request) {
        return "accepted";
    }
    const auto& error = request.error();
    return fmt::format(
        "{} {} {}", error.status, error.code, string_member(error.details, "param").value_or("-")
    );
}

} // namespace oa_stream::lane
