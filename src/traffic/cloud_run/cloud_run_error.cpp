#include "cloud_run_error.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic::cloud_run {
namespace {

constexpr std::size_t k_text_limit = 300;

Error lost(const net::ClientResponse& response) {
    using enum net::TransferFailure;
    const bool nobody = response.failure == dns || response.failure == refused;
    return {
        nobody                          ? Code::unavailable
        : response.failure == too_large ? Code::protocol
                                        : net::code_of(response.failure),
        fmt::format(
            "no complete answer from the Admin API: {}",
            response.failure_text.empty() ? net::to_string(response.failure)
                                          : printable(response.failure_text)
        )
    };
}

/// `known`: the body is an error in the API's own form. Other bodies come from a proxy in between
/// and prove little about the request.
Code code_of(int status, bool known, bool write) {
    switch (status) {
    case 401:
    case 403:
        return Code::credentials;
    case 409:
    case 412:
        return Code::conflict;
    case 429:
        return write ? Code::conflict : Code::unavailable;
    case 400:
        return known ? Code::usage : Code::protocol;
    case 404:
        return known ? Code::not_found : Code::protocol;
    case 503:
    case 504:
        return Code::unavailable;
    default:
        return known && status >= 500 ? Code::unavailable : Code::protocol;
    }
}

std::string_view hint_of(int status) {
    switch (status) {
    case 401:
        return "the token is missing, wrong or expired";
    case 403:
        return "docs/cloud-run.md lists the permissions that are needed";
    case 404:
        return "check project, region and service";
    default:
        return {};
    }
}

} // namespace

std::string status_text(const Json& status) {
    const auto message = string_member(status, "message").value_or("no message");
    const auto word = string_member(status, "status");
    std::string out = word ? fmt::format("{}: ", printable(*word, 60)) : "";
    return out + printable(message, k_text_limit);
}

Code code_of_status(const Json& status) noexcept {
    switch (int_member(status, "code").value_or(2)) {
    case 3: // INVALID_ARGUMENT
    case 5: // NOT_FOUND
    case 9: // FAILED_PRECONDITION
        return Code::precondition;
    case 6:  // ALREADY_EXISTS
    case 10: // ABORTED
        return Code::conflict;
    case 7:  // PERMISSION_DENIED
    case 16: // UNAUTHENTICATED
        return Code::credentials;
    default:
        return Code::unavailable;
    }
}

std::optional<Error> error_of(const net::ClientResponse& response, bool write) {
    if (response.failure != net::TransferFailure::none) {
        return lost(response);
    }
    if (response.status >= 200 && response.status < 300) {
        return std::nullopt;
    }
    const auto body = parse_json(response.body);
    const Json* status = body ? member(*body, "error") : nullptr;
    const bool known = status != nullptr && status->is_object();
    std::string text = fmt::format("HTTP {}", response.status);
    if (known) {
        text += " " + status_text(*status);
    } else if (!response.body.empty()) {
        text += fmt::format(", and no answer from the Admin API: {}", printable(response.body, 80));
    }
    return Error{
        code_of(response.status, known, write),
        std::move(text),
        {},
        std::string(hint_of(response.status))
    };
}

} // namespace oa_stream::traffic::cloud_run
