// Addresses: pieces of URLs, and paths of unix sockets.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>

namespace oa_stream {

/// Everything but A-Z a-z 0-9 - . _ ~ as %XX: one value of a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The host of "http://host:port/path", without port and brackets.
[[nodiscard]] std::string host_of(std::string_view url);

/// "; the base URL has the path …: try …", for an answer of 404; empty: it has none.
[[nodiscard]] std::string base_path_advice(std::string_view base_url);

/// Why nothing can be sent to "http://host:port/path" (or ws://…), whoever may be there: no host, a
/// port that is none, characters that no request holds. Empty: nothing is wrong with it.
[[nodiscard]] std::string_view url_fault(std::string_view url);

/// The one reader of base URLs, http(s)://host[:port][/path]: with its scheme in small letters (RFC
/// 3986, 3.1) and no slash at its end. Code::usage for anything else: another scheme, credentials
/// (the text is not shown then), a query, a fragment, what url_fault() finds.
[[nodiscard]] Result<std::string> http_url(std::string_view text);

/// "a socket's path has at most 107 bytes, this one 115" for a path that no address of a unix
/// socket has room for (unix(7)). Empty: it fits.
[[nodiscard]] std::string socket_path_fault(std::string_view path);

/// A user, or a user and a password, before the host. Also without a scheme: "user:pass@host:80".
[[nodiscard]] bool has_credentials(std::string_view url);

/// localhost, 127.0.0.0/8, ::1 and what IPv6 maps to them. A name that only begins so is not.
[[nodiscard]] bool is_loopback(std::string_view host);

/// Two base URLs lead to one port and path, whatever their schemes are. localhost, 127.0.0.1 and
/// ::1 are one host; no name is looked up.
[[nodiscard]] bool same_place(std::string_view a, std::string_view b);

} // namespace oa_stream
