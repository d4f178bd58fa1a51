// The control status, the compatibility window and the route split.
#include "oa_stream/base/text.hpp"

#include "control_run.hpp"
#include "smoke/smoke_run.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

// clang-format off
constexpr std::array k_status{
    MemberShape{"data.service", Shape::text},
    MemberShape{"data.authProvider", Shape::text},
    MemberShape{"data.activeOrgId", Shape::maybe_text},
    MemberShape{"data.memberships", Shape::list},
    MemberShape{"data.compatibility.protocolVersion", Shape::text},
    MemberShape{"data.compatibility.minClientBuildId", Shape::text},
    MemberShape{"data.compatibility.maxClientBuildId", Shape::maybe_text},
    MemberShape{"data.compatibility.minSchemaVersion", Shape::whole},
    MemberShape{"data.compatibility.maxSchemaVersion", Shape::whole},
    MemberShape{"data.routeSplit.enabled", Shape::boolean},
    MemberShape{"data.routeSplit.mode", Shape::text},
    MemberShape{"data.runtimeRouting", Shape::present},
    MemberShape{"data.runtimeRouteOwnership", Shape::present},
};
constexpr std::array k_split{
    MemberShape{"enabled", Shape::boolean},
    MemberShape{"mode", Shape::text},
    MemberShape{"cohort_percentage", Shape::whole},
    MemberShape{"rust_routes", Shape::list},
    MemberShape{"force_legacy", Shape::boolean},
    MemberShape{"legacy_base_url", Shape::maybe_text},
    MemberShape{"override_target", Shape::maybe_text},
    MemberShape{"route_groups", Shape::list},
    MemberShape{"rollback_matrix", Shape::object},
    MemberShape{"domain_overrides", Shape::object},
};
constexpr std::array k_group{
    MemberShape{"domain", Shape::text},
    MemberShape{"route_prefixes", Shape::list},
    MemberShape{"rollback_target", Shape::text},
    MemberShape{"override_target", Shape::maybe_text},
};
constexpr std::array k_data{MemberShape{"data", Shape::object}};
constexpr std::array k_decision{
    MemberShape{"data.path", Shape::text},
    MemberShape{"data.target", Shape::text},
    MemberShape{"data.reason", Shape::text},
    MemberShape{"data.route_domain", Shape::maybe_text},
    MemberShape{"data.cohort_key", Shape::text},
};
// clang-format on

std::string
one_of(const Json& json, std::string_view path, std::initializer_list<std::string_view> words) {
    const Json* value = at_path(json, path);
    std::string all;
    for (const std::string_view word : words) {
        if (value != nullptr && *value == word) {
            return {};
        }
        all += (all.empty() ? "" : " or ") + std::string(word);
    }
    return fmt::format("{}: expected {}, saw {}", path, all, kind_of(value));
}

std::string wrong_split(const Json& split, std::string_view prefix) {
    if (std::string wrong = shape_error(split, k_split, prefix); !wrong.empty()) {
        return wrong;
    }
    if (std::string wrong = one_of(split, "mode", {"legacy", "rust", "cohort"}); !wrong.empty()) {
        return wrong;
    }
    if (int_member(split, "cohort_percentage").value_or(101) > 100) {
        return fmt::format(
            "{}cohort_percentage: expected 0 to 100, saw {}",
            prefix,
            kind_of(member(split, "cohort_percentage"))
        );
    }
    const Json& groups = *member(split, "route_groups");
    if (groups.empty()) {
        return fmt::format("{}route_groups: expected domains, saw none", prefix);
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::string where = fmt::format("{}route_groups[{}].", prefix, i);
        if (std::string wrong = shape_error(groups[i], k_group, where); !wrong.empty()) {
            return wrong;
        }
    }
    return {};
}

struct ListedRoute {
    std::string_view name;
    std::string_view path;
};
constexpr std::array k_routes{
    ListedRoute{"route-split.evaluate.login", "/login"},
    ListedRoute{"route-split.evaluate.onboarding", "/onboarding/checklist"},
    ListedRoute{"route-split.evaluate.l402", "/l402/paywalls"},
};

std::string wrong_decision(const ControlRun& run, const Json& json, std::string_view path) {
    if (*at_path(json, "data.path") != path) {
        return fmt::format(
            "data.path: expected {}, saw {}", path, kind_of(at_path(json, "data.path"))
        );
    }
    std::string wrong = one_of(json, "data.target", {"legacy", "rust_shell"});
    if (!wrong.empty() || !run.split_status) {
        return wrong;
    }
    const routes::RouteRule rule = routes::rule_for(*run.split_status, path);
    if (rule.target.empty()) { // by cohort
        return {};
    }
    wrong = one_of(json, "data.target", {rule.target});
    return wrong.empty() ? wrong : fmt::format("{}; the status says {}", wrong, rule.text());
}

/// The control status lists no domains, so routes for them are not required.
bool no_split_here(ControlRun& run, std::string_view name, const Answer& answer) {
    if (answer.status() != 404 || run.has_split) {
        return false;
    }
    run.not_applicable(
        name, "HTTP 404: no route split here, and the control status lists no domains"
    );
    return true;
}

Task<void> evaluate(ControlRunPtr run, const ListedRoute* route) {
    Question what{.method = "POST", .path = "/api/v1/control/route-split/evaluate"};
    what.body = Json{{"path", route->path}, {"cohort_key", run->options.cohort_key}};
    if (run->left_out(route->name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, std::string(route->name), what);
    if (no_split_here(*run, route->name, answer)) {
        co_return;
    }
    std::string wrong = answer.wrong(200, k_decision);
    std::string good;
    if (wrong.empty()) {
        wrong = wrong_decision(*run, answer.tree(), route->path);
        good = fmt::format(
            "{} goes to {}: {}",
            route->path,
            printable(string_member(answer.tree().at("data"), "target").value_or(""), 40),
            printable(string_member(answer.tree().at("data"), "reason").value_or(""), 60)
        );
    }
    run->judge(route->name, answer, std::move(wrong), std::move(good));
}

} // namespace

Task<void> control_status(ControlRunPtr run) {
    const Question what{.path = "/api/v1/control/status"};
    if (run->left_out("status", what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, "status", what);
    if (refuses_credential(answer.status())) {
        run->refused_token("status", answer);
        co_return;
    }
    std::string wrong = answer.wrong(200, k_status);
    if (wrong.empty()) {
        const Json& split = *at_path(answer.tree(), "data.routeSplit");
        run->has_split = member(split, "route_groups") != nullptr;
        wrong = run->has_split ? wrong_split(split, "data.routeSplit.") : std::string();
    }
    if (answer.status() == 426) {
        wrong += " (--compat-build, --compat-protocol and --compat-schema set what is sent)";
    }
    run->judge("status", answer, std::move(wrong), "HTTP 200 with every member");
}

Task<void> control_compat(ControlRunPtr run) {
    const Question what{
        .path = "/api/v1/control/status",
        .as = run->with_token() && !run->token_refused ? As::user : As::anyone,
        .compat = false,
    };
    if (!run->options.target.compat) {
        run->not_applicable("compat.missing", "compat was switched off for this target");
        co_return;
    }
    if (run->left_out("compat.missing", what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, "compat.missing", what);
    const int usual = what.as == As::user ? 200 : 401;
    if (answer.status() == usual) {
        run->not_applicable("compat.missing", "the window is not enforced here: " + answer.seen());
        co_return;
    }
    run->judge(
        "compat.missing",
        answer,
        judge_compat(answer.response, "invalid_client_build"),
        "HTTP 426 invalid_client_build with the window"
    );
}

namespace {

Task<void> split_status(ControlRunPtr run) {
    const Question what{.path = "/api/v1/control/route-split/status"};
    if (run->left_out("route-split.status", what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, "route-split.status", what);
    if (!no_split_here(*run, "route-split.status", answer)) {
        std::string wrong = answer.wrong(200, k_data);
        if (wrong.empty()) {
            wrong = wrong_split(answer.tree().at("data"), "data.");
        }
        std::string good;
        if (wrong.empty()) {
            if (auto status = routes::parse_route_status(answer.tree().at("data"))) {
                good = fmt::format("mode {}, {} domains", status->mode, status->groups.size());
                run->split_status = *std::move(status);
            } else {
                wrong = status.error().text();
            }
        }
        run->judge("route-split.status", answer, std::move(wrong), std::move(good));
    }
}

} // namespace

Task<void> control_route_split(ControlRunPtr run) {
    co_await split_status(run);
    for (const ListedRoute& route : k_routes) {
        co_await evaluate(run, &route);
    }
}

} // namespace oa_stream::probe
