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

/// What is asked last: " text", " <url>" of an image.
inline std::string input_told(const CompletionsRequest& request) {
    std::string out;
    for (const auto& part : request.input) {
        const auto* text = std::get_if<authority::InputText>(&part);
        out += text != nullptr ? " " + text->text
                               : fmt::format(" <{}>", std::get<authority::InputImage>(part).url);
    }
    return out;
}

} // namespace oa_stream::lane
