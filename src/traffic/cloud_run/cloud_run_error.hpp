// What an answer of the Admin API means when it is not a success. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http_client.hpp"

#include <optional>

namespace oa_stream::traffic::cloud_run {

/// nullopt for a whole 2xx answer. The codes say what the interface of drivers says: credentials,
/// usage and not_found are refusals, nothing was written; conflict: an outdated etag or 429,
/// nothing was written either; all else leaves open whether a write was applied.
[[nodiscard]] std::optional<Error> error_of(const net::ClientResponse& response, bool write);

/// The `error` of a finished operation, or of an error body, as one line.
[[nodiscard]] std::string status_text(const Json& status);
/// Of a failed operation; its `code` is a number of gRPC.
[[nodiscard]] Code code_of_status(const Json& status) noexcept;

} // namespace oa_stream::traffic::cloud_run
