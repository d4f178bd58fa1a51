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

Result<probe::Target>
parse_target(const Args& args, std::string_view what, std::string_view example) {
    const auto url = args.get("--base-url");
    if (!url) {
        return fail(
            Code::usage,
            fmt::format("which {}? --base-url is missing", what),
            {},
            std::string(example)
        );
    }
    probe::Target target;
    OA_TRY(target.base_url, parse_base_url(*url, "--base-url"));
    target.connect_to = args.get("--connect-to").value_or("");
    if (const auto reference = args.get("--auth")) {
        OA_TRY(target.bearer, read_secret(*reference));
    }
    if (args.has("--no-compat")) {
        target.compat.reset();
    }
    if (auto& compat = target.compat) {
        compat->build = args.get("--compat-build").value_or(compat->build);
        compat->protocol = args.get("--compat-protocol").value_or(compat->protocol);
        compat->schema = args.get("--compat-schema").value_or(compat->schema);
    }
    return target;
}

Result<probe::ProbeLimits> parse_limits(const Args& args) {
    probe::ProbeLimits limits;
    OA_TRY(limits.connect, positive_duration(args, "--connect-timeout"));
    OA_TRY(limits.first_byte, positive_duration(args, "--first-byte"));
    OA_TRY(limits.stall, positive_duration(args, "--stall"));
    OA_TRY(limits.total, positive_duration(args, "--timeout"));
    return limits;
}

} // namespace oa_stream::cli
