// Parser of ws://host:port/path?query and unix:/path.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>

namespace oa_stream::net {

struct WebSocketUrl {
    bool secure = false;
    std::string host{};      ///< without brackets
    std::string port{};      ///< 80 or 443 when the URL names none
    std::string authority{}; ///< value of the Host field
    std::string target{};    ///< path and query
    std::string unix_path{}; ///< replaces host and port
};

/// Code::usage; the message never contains the URL's query.
[[nodiscard]] Result<WebSocketUrl> parse_websocket_url(const std::string& text);

} // namespace oa_stream::net
