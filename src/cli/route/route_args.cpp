#include "route_args.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/given_headers.hpp"

#include "core/suggestion.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {

Result<std::string> read_url_path(std::string_view text) {
    if (!text.starts_with('/') || text.find_first_of(" \t\r\n") != std::string_view::npos) {
        return fail(
            Code::usage, fmt::format("'{}' is not a path", printable(text, 80)), {}, "like /login"
        );
    }
    return std::string(text);
}

Result<NamedSecret> read_named_secret(std::string_view reference) {
    OA_TRY(Secret secret, net::read_token(reference));
    return NamedSecret{std::string(reference), std::move(secret)};
}

routes::RouteAccess RouteOptions::access() const {
    const net::CompatIdentity usual{};
    const routes::RouteSplitOptions& service = target.service;
    const auto unusual = [](const std::string& text, const std::string& otherwise) {
        return text == otherwise ? std::string() : text;
    };
    return {
        .auth = auth ? auth->reference : "",
        .ca = service.ca_file,
        .cert = cert,
        .key = key,
        .headers = headers,
        .build = unusual(service.compat.build, usual.build),
        .protocol = unusual(service.compat.protocol, usual.protocol),
        .schema = unusual(service.compat.schema, usual.schema),
    };
}

Result<RouteTarget> RouteOptions::checked(std::string_view command) const {
    if (target.service.base_url.empty()) {
        return fail(
            Code::usage,
            "name the control service: --base-url is missing",
            {},
            Suggestion{
                std::string(command),
                {names::base_url, "https://control.example.org", names::auth, "env:TOKEN"}
            }
        );
    }
    OA_CHECK(check_files(target.service.base_url, target.service.ca_file));
    if (!auth) {
        return fail(
            Code::credentials,
            "the route split needs a token",
            names::auth,
            "give env:NAME, file:PATH or fd:N"
        );
    }
    OA_TRY(probe::GivenHeaders read, probe::read_headers(headers));
    RouteTarget out = target;
    out.service.bearer = auth->secret;
    out.service.extra = std::move(read.values);
    out.hidden = std::move(read.hidden);
    out.access = access();
    return out;
}

void tell_route_checks(
    Verdict verdict, const std::vector<Check>& checks, Context& context, const Advice& next
) {
    if (context.quiet && verdict == Verdict::pass) {
        return;
    }
    std::string text;
    for (const Check& check : checks) {
        if (check.verdict != Verdict::pass) {
            text += check_line(check) + "\n";
        }
    }
    const auto passed = std::ranges::count(checks, Verdict::pass, &Check::verdict);
    tell_text(
        fmt::format(
            "{}{} {} of {}{}\n",
            text,
            to_string(verdict),
            passed,
            counted(checks.size(), "check"),
            next.empty() ? "" : " next: " + typed_here(next, context).text()
        ),
        context
    );
}

std::string route_table(const routes::RouteStatus& status) {
    std::string out = fmt::format(
        "split {}, mode {}, cohort {}%, {}global override {}\n",
        status.enabled ? "on" : "off",
        status.mode,
        status.cohort_percentage,
        status.force_legacy ? "legacy forced, " : "",
        status.override_target.value_or("none")
    );
    out += fmt::format(
        "{:<24} {:<32} {:<12} {:<12} {}\n",
        "domain",
        "served by",
        "override",
        "rollback to",
        "paths"
    );
    for (const routes::RouteGroup& group : status.groups) {
        const auto rule = routes::rule_for(status, group.front_path());
        out += fmt::format(
            "{:<24} {:<32} {:<12} {:<12} {}\n",
            group.domain,
            rule.text(),
            group.override_target.value_or("none"),
            group.rollback_target,
            fmt::join(group.prefixes, " ")
        );
    }
    return out;
}

} // namespace oa_stream::cli
