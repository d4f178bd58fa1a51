#include "websocket_url.hpp"

#include "oa_stream/base/url.hpp"

#include <curl/curl.h>

#include <memory>
#include <string>
#include <utility>

namespace oa_stream::net {

namespace {

struct Free {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* raw = nullptr;
    curl_url_get(url, which, &raw, flags);
    const std::unique_ptr<char, Free> text(raw);
    return text ? std::string(text.get()) : std::string();
}

} // namespace

Result<WebSocketUrl> parse_websocket_url(const std::string& text) {
    constexpr std::string_view k_unix = "unix:";
    if (text.starts_with(k_unix)) {
        WebSocketUrl out{.authority = "localhost", .target = "/"};
        out.unix_path = text.substr(k_unix.size());
        if (!out.unix_path.starts_with('/')) {
            return fail(Code::usage, "a socket's path begins with a slash");
        }
        if (auto fault = socket_path_fault(out.unix_path); !fault.empty()) {
            return fail(Code::usage, std::move(fault));
        }
        return out;
    }
    const std::unique_ptr<CURLU, Free> url(curl_url());
    const bool read =
        text.contains("://") && url &&
        curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    const std::string scheme = read ? part(url.get(), CURLUPART_SCHEME) : std::string();
    const std::string host = read ? part(url.get(), CURLUPART_HOST) : std::string();
    if ((scheme != "ws" && scheme != "wss") || host.empty() ||
        !part(url.get(), CURLUPART_USER).empty()) {
        return fail(Code::usage, "not a ws:// or wss:// URL without user and password");
    }
    WebSocketUrl out;
    out.secure = scheme == "wss";
    const std::string port = part(url.get(), CURLUPART_PORT);
    out.host = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    out.port = !port.empty() ? port : out.secure ? "443" : "80";
    out.authority = port.empty() ? host : host + ":" + port;
    const std::string path = part(url.get(), CURLUPART_PATH);
    const std::string query = part(url.get(), CURLUPART_QUERY);
    out.target = (path.empty() ? "/" : path) + (query.empty() ? "" : "?" + query);
    return out;
}

} // namespace oa_stream::net
