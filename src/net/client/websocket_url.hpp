// ws://host:port/path?query or unix:/path, taken apart.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>

namespace oa_stream::net {

struct WebSocketUrl {
    bool secure = false;
    std::string host{};      ///< without brackets
    std::string port{};      ///< 80 or 443 when the URL names none
    std::string authority{}; ///< what Host says
    std::string target{};    ///< path and query
    std::string unix_path{}; ///< instead of host and port
};

/// Code::usage; the message never holds the URL's query.
[[nodiscard]] Result<WebSocketUrl> parse_websocket_url(const std::string& text);

} // namespace oa_stream::net
