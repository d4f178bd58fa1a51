// Where a bearer token comes from, and how the next one is got when it ends.
//
//   env:NAME  file:PATH  fd:N      as read_secret()
//   command:PROGRAM ARG…           its standard output; never run by a shell
//   command:["PROGRAM","ARG"]      the same, for arguments with spaces
//   metadata:                      an access token of the machine's service account
//   metadata:AUDIENCE              its identity token for this audience, an https URL
//
// The metadata server is at GCE_METADATA_HOST, else http://metadata.google.internal.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/net/http_client.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::net {

/// A valid token. `fresh`: the last one was refused or is about to expire, get another.
/// Code::credentials when there is none.
using TokenSource = std::function<Task<Result<Secret>>(bool fresh)>;

/// Asks the metadata server at `base_url` and keeps the token until it is about to expire; with an
/// `audience` an identity token. `client` must outlive the source.
[[nodiscard]] TokenSource
metadata_tokens(HttpClient& client, const std::string& base_url, const std::string& audience = {});

/// What the program prints; kept for five minutes, or until a quarter of an hour's minutes before
/// its end if it is a JSON Web Token. Code::credentials with the last line of its stderr.
[[nodiscard]] TokenSource
command_tokens(asio::any_io_executor executor, std::vector<std::string> program);

/// By the reference; `first` is the token that was read from it, or empty. When the token is
/// refused, a file is read again; the same token again is Code::credentials, as it is at once for
/// env: and fd:. `client` must outlive it.
[[nodiscard]] TokenSource token_source(
    const asio::any_io_executor& executor,
    HttpClient& client,
    std::string_view reference,
    Secret first
);

/// When a JSON Web Token says that it ends (`exp`, RFC 7519 section 4.1.4); nullopt for any other
/// token and for what is not a time up to the year 9999. Later than WallTime can say: its last
/// second.
[[nodiscard]] std::optional<WallTime> token_end(std::string_view token);

/// Says where read_token() finds a token, and is none itself: env:, file:, fd:, command:,
/// metadata:.
[[nodiscard]] bool is_token_reference(std::string_view text) noexcept;

/// Gives other tokens as time goes by: command, metadata, file.
[[nodiscard]] bool is_renewed(std::string_view reference) noexcept;

/// Reads it now and blocks meanwhile, at most about 15 s. Errors as read_secret(), and
/// Code::credentials when the program or the metadata server gives none.
[[nodiscard]] Result<Secret> read_token(std::string_view reference);

} // namespace oa_stream::net
