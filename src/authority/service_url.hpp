// What may be said of a service that somebody else runs: its URL, and where its token is.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>

namespace oa_stream::authority {

/// It begins with `secure`, or with `plain` on loopback. Code::usage names the option, and `other`
/// before them: what else it takes, "unix:/PATH, ".
[[nodiscard]] Result<void> check_service_url(
    const std::string& url,
    std::string_view plain,
    std::string_view secure,
    const char* option,
    std::string_view other = {}
);
/// env:NAME, file:PATH or fd:N; with `programs` command:PROGRAM, too. Code::usage names the option.
[[nodiscard]] Result<void>
check_token_reference(const std::string& reference, const char* option, bool programs = false);

} // namespace oa_stream::authority
