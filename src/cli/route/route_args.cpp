#include "route_args.hpp"

#include "oa_stream/base/suggestion.hpp"
#include "oa_stream/base/text.hpp"

#include "smoke/smoke_args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

constexpr std::uint64_t k_most_fresh = 50;

Result<void> check_path(const std::string& path) {
    if (!path.starts_with('/') || path.find_first_of(" \t\r\n") != std::string::npos) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a path", printable(path, 80)),
            "--path",
            "like /login"
        );
    }
    return {};
}

} // namespace

Result<RouteTarget>
parse_route_target(const Args& args, std::string_view command, std::optional<std::string> url) {
    if (!url) {
        url = args.get("--base-url");
    }
    if (!url) {
        return fail(
            Code::usage,
            "which control service? --base-url is missing",
            {},
            Suggestion{
                std::string(command),
                {"--base-url", "https://control.example.org", "--auth", "env:TOKEN"}
            }
                .text()
        );
    }
    RouteTarget out;
    OA_TRY(out.service.base_url, parse_base_url(*url, "--base-url"));
    const auto reference = args.get("--auth");
    if (!reference) {
        return fail(
            Code::credentials,
            "the route split needs a token",
            "--auth",
            "--auth env:NAME, file:PATH or fd:N"
        );
    }
    OA_TRY(out.service.bearer, read_secret(*reference));
    out.service.build = args.get("--compat-build").value_or(out.service.build);
    out.service.protocol = args.get("--compat-protocol").value_or(out.service.protocol);
    out.service.schema = args.get("--compat-schema").value_or(out.service.schema);
    OA_TRY(out.service.call_timeout, positive_duration(args, "--timeout"));
    auto fresh = parse_count(args.get("--fresh").value_or("5"), 1, k_most_fresh);
    if (!fresh) {
        return std::unexpected(std::move(fresh).error().prefixed("--fresh"));
    }
    out.order.looks.agree = static_cast<int>(*fresh);
    out.order.looks.most = 4 * out.order.looks.agree;
    out.order.paths = args.all("--path");
    for (const std::string& path : out.order.paths) {
        OA_CHECK(check_path(path));
    }
    if (const auto path = args.positional("PATH")) {
        OA_CHECK(check_path(*path));
    }
    out.order.cohort_key = args.get("--cohort").value_or("");
    return out;
}

Json route_document(Verdict verdict, const std::vector<Check>& checks) {
    Json list = Json::array();
    for (const Check& check : checks) {
        list.push_back(to_json(check));
    }
    return {
        {"verdict", to_string(verdict)},
        {"run", nullptr},
        {"evidence", nullptr},
        {"checks", std::move(list)}
    };
}

void tell_route_checks(Verdict verdict, const std::vector<Check>& checks, Context& context) {
    if (context.quiet && verdict == Verdict::pass) {
        return;
    }
    std::string text;
    for (const Check& check : checks) {
        if (check.verdict != Verdict::pass) {
            text += fmt::format("{} {}: {}\n", to_string(check.verdict), check.id, check.detail);
        }
    }
    const auto passed = std::ranges::count(checks, Verdict::pass, &Check::verdict);
    context.err(
        fmt::format("{}{} {} of {} checks\n", text, to_string(verdict), passed, checks.size())
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
        const auto rule = routes::rule_for(
            status, group.prefixes.empty() ? std::string() : group.prefixes.front()
        );
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
