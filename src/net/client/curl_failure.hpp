// Maps libcurl's results to TransferFailure.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include <curl/curl.h>

#include <string>
#include <string_view>

namespace oa_stream::net {

struct CurlEnding {
    CURLcode code = CURLE_OK;
    int os_error = 0;       ///< CURLINFO_OS_ERRNO
    bool head_seen = false; ///< a complete response head arrived
    std::string_view text{}; ///< libcurl's error buffer
};

[[nodiscard]] TransferFailure classify(const CurlEnding& ending) noexcept;

inline constexpr std::string_view k_head_too_long = "the response head is too long";
/// Describes the failure in words.
[[nodiscard]] std::string describe(const CurlEnding& ending);

} // namespace oa_stream::net
