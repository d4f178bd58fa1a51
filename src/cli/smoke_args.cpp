#include "smoke_args.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

Result<std::string> parse_base_url(std::string_view text, std::string_view option) {
    const auto wrong = [&](std::string message) {
        return fail(
            Code::usage, std::move(message), std::string(option), "like http://127.0.0.1:8080"
        );
    };
    const bool http = text.starts_with("http://");
    if (!http && !text.starts_with("https://")) {
        return wrong(fmt::format("'{}' is no http or https URL", printable(text, 80)));
    }
    const std::string_view rest = text.substr(http ? 7 : 8);
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (host.empty() || rest.find_first_of(" \t\r\n") != std::string_view::npos) {
        return wrong("the URL has no host");
    }
    if (host.contains('@')) {
        return fail(
            Code::usage,
            "credentials in a URL are readable by every local process",
            std::string(option),
            "--auth env:NAME, file:PATH or fd:N"
        );
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        return wrong("the URL has a query or fragment");
    }
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return std::string(text);
}

Result<Millis> positive_duration(const Args& args, std::string_view option) {
    auto value = parse_duration(args.get(option).value_or(""));
    if (!value) {
        return std::unexpected(std::move(value).error().prefixed(option));
    }
    if (value->count() == 0) {
        return fail(Code::usage, "a time of 0 measures nothing", std::string(option));
    }
    return *value;
}

} // namespace oa_stream::cli
