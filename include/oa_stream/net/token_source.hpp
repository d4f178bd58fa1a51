// Where bearer tokens come from, and how a token is renewed when it expires.
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

/// Returns a valid token. `fresh`: the last one was refused or is about to expire, so a new one is
/// needed. Code::credentials when there is none.
using TokenSource = std::function<Task<Result<Secret>>(bool fresh)>;

/// Requests tokens from the metadata server at `base_url` and keeps each until it is about to
/// expire; with an `audience` an identity token. `client` must outlive the source.
[[nodiscard]] TokenSource
metadata_tokens(HttpClient& client, const std::string& base_url, const std::string& audience = {});

/// What the program prints; kept for five minutes, or until a quarter of an hour's minutes before
/// its end if it is a JSON Web Token. Code::credentials with the last line of its stderr.
[[nodiscard]] TokenSource
command_tokens(asio::any_io_executor executor, std::vector<std::string> program);

/// The source for `reference`; `first` is the token already read from it, or empty. When a token is
/// refused, a file is read again; an unchanged token is Code::credentials. env: and fd: cannot be
/// read again, so they fail at once. `client` must outlive it.
[[nodiscard]] TokenSource token_source(
    const asio::any_io_executor& executor,
    HttpClient& client,
    std::string_view reference,
    Secret first
);

/// The end (`exp`, RFC 7519 section 4.1.4) of a JSON Web Token; nullopt for any other token and for
/// a time after the year 9999. A time later than WallTime can hold becomes its last second.
[[nodiscard]] std::optional<WallTime> token_end(std::string_view token);

/// Whether `text` is a reference for read_token() instead of a token: env:, file:, fd:, command:,
/// metadata:.
[[nodiscard]] bool is_token_reference(std::string_view text) noexcept;

/// Whether the reference can yield new tokens over time: command, metadata, file.
[[nodiscard]] bool is_renewed(std::string_view reference) noexcept;

/// Reads the token now, blocking for at most about 15 s. Errors as read_secret(), and
/// Code::credentials when the program or the metadata server provides none.
[[nodiscard]] Result<Secret> read_token(std::string_view reference);

} // namespace oa_stream::net
