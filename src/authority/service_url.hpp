// Checks the options of an operator's service: its URL and its token reference.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>

namespace oa_stream::authority {

/// The URL must start with `secure`, or with `plain` on loopback. Otherwise Code::usage with the
/// option's name; its hint lists `other` accepted forms first ("unix:/PATH, ").
[[nodiscard]] Result<void> check_service_url(
    const std::string& url,
    std::string_view plain,
    std::string_view secure,
    const char* option,
    std::string_view other = {}
);
/// Accepts env:NAME, file:PATH or fd:N; with `programs` also command:PROGRAM. Code::usage names the
/// option.
[[nodiscard]] Result<void>
check_token_reference(const std::string& reference, const char* option, bool programs = false);

} // namespace oa_stream::authority
