#include "service_url.hpp"

#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

Result<void> check_service_url(
    const std::string& url,
    std::string_view plain,
    std::string_view secure,
    const char* option,
    std::string_view other
) {
    if (has_credentials(url)) {
        return fail(
            Code::usage,
            "credentials in a URL are readable by every local process",
            option,
            "give a token as env:NAME, file:PATH or fd:N"
        );
    }
    const bool open = url.starts_with(plain);
    if (!open && !url.starts_with(secure)) {
        return fail(
            Code::usage,
            "this form of URL is not accepted here",
            option,
            fmt::format("{}{}HOST:PORT, or {} on loopback", other, secure, plain)
        );
    }
    if (const auto fault = url_fault(url); !fault.empty()) {
        return fail(Code::usage, std::string(fault), option, std::string(secure) + "host");
    }
    if (open && !is_loopback(host_of(url))) {
        return fail(
            Code::usage,
            "a token would travel in the clear; only loopback may do without TLS",
            option
        );
    }
    return {};
}

Result<void>
check_token_reference(const std::string& reference, const char* option, bool programs) {
    if (is_secret_reference(reference) || (programs && reference.starts_with("command:"))) {
        return {};
    }
    return fail(
        Code::usage,
        "a token is not given on the command line, where every local process can read it",
        option,
        programs ? "env:NAME, file:PATH, fd:N or command:PROGRAM" : "env:NAME, file:PATH or fd:N"
    );
}

} // namespace oa_stream::authority
