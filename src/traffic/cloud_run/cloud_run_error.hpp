// Interprets unsuccessful answers of the Admin API. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http_client.hpp"

#include <optional>

namespace oa_stream::traffic::cloud_run {

/// nullopt for a complete 2xx answer. The codes are those of the driver interface: credentials,
/// usage and not_found are refusals, nothing was written; conflict: an outdated etag or 429,
/// nothing was written either; with any other code a write may have been applied.
[[nodiscard]] std::optional<Error> error_of(const net::ClientResponse& response, bool write);

/// The `error` of a finished operation, or of an error body, as one line.
[[nodiscard]] std::string status_text(const Json& status);
/// The code of a failed operation; its `code` is a gRPC number.
[[nodiscard]] Code code_of_status(const Json& status) noexcept;

} // namespace oa_stream::traffic::cloud_run
