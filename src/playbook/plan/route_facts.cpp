// What a playbook would set the routes to, and whether that is still valid.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/routes/route_access.hpp"

#include "engine/route_step.hpp"
#include "plan_file.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

using namespace routes;

RoutesSpec spec_of(const Playbook& playbook) {
    return playbook.routes.value_or(RoutesSpec{});
}

/// Plans the routes again; an error begins with "routes".
Task<Result<RoutePlan>> plan_now(const Outside* outside, const Playbook* playbook) {
    RouteSplitClient client(*outside->client, route_service(*playbook, *outside));
    auto plan = co_await plan_routes(client, route_order(*playbook));
    if (plan && !plan->found.agreed) {
        co_return fail(
            Code::precondition,
            "routes: the processes behind the address remember different overrides: " +
                plan->found.text(),
            client.base_url(),
            Suggestion{"route status"} + " shows it, " + Suggestion{"route set"} +
                " makes them agree"
        );
    }
    co_return plan ? std::move(plan) : std::unexpected(std::move(plan).error().prefixed("routes"));
}

/// The access that open_outside() gives the control surface's client.
RouteAccess access_of(const Playbook& playbook) {
    const Target& target = playbook.target;
    const RoutesSpec spec = spec_of(playbook);
    const auto& auth = spec.auth ? spec.auth : target.auth;
    const CompatSpec compat = target.compat.value_or(CompatSpec{});
    return {
        .auth = auth ? auth->reference : "",
        .ca = target.ca,
        .cert = target.cert,
        .key = target.key,
        .headers = target.headers,
        .build = compat.build,
        .protocol = compat.protocol,
        .schema = compat.schema,
    };
}

/// One write as a command.
Suggestion suggestion_of(const Playbook& playbook, const RouteWrite& write) {
    const bool clear = write.target == "clear";
    Suggestion out{clear ? "route clear" : "route set"};
    const auto add = [&](const std::vector<std::string>& words) {
        out.arguments.insert(out.arguments.end(), words.begin(), words.end());
    };
    if (!clear) {
        add({write.target});
    }
    if (write.domain) {
        add({names::domain, *write.domain});
    }
    add({names::base_url, route_url(playbook)});
    add(access_options(access_of(playbook), {}));
    add({names::apply});
    return out;
}

} // namespace

std::string route_url(const Playbook& playbook) {
    const RoutesSpec spec = spec_of(playbook);
    const Target& target = playbook.target;
    return !spec.control_url.empty()     ? spec.control_url
           : !target.control_url.empty() ? target.control_url
                                         : target.base_url;
}

RouteSplitOptions route_service(const Playbook& playbook, const Outside& outside) {
    RouteSplitOptions out;
    out.base_url = route_url(playbook);
    out.bearer = outside.control_token;
    out.tokens = outside.control_tokens;
    out.extra = outside.users.extra;
    out.ca_file = outside.users.ca_file;
    if (const auto& compat = playbook.target.compat) {
        out.compat = {compat->build, compat->protocol, compat->schema};
    }
    return out;
}

RouteOrder route_order(const Playbook& playbook) {
    const RoutesSpec spec = spec_of(playbook);
    RouteOrder out;
    for (const RouteOverride& change : spec.changes) {
        out.changes.push_back(
            {change.target,
             change.domain.empty() ? std::nullopt : std::optional<std::string>(change.domain)}
        );
    }
    out.paths = spec.paths;
    out.looks.agree = spec.fresh;
    return out;
}

Task<Result<Json>> plan_route_step(const Outside* outside, const Playbook* playbook) {
    if (!playbook->routes) {
        co_return Json(nullptr);
    }
    OA_CO_TRY(const RoutePlan plan, co_await plan_now(outside, playbook));
    if (!plan.traps.empty()) {
        const RouteTrap& trap = plan.traps.front();
        co_return fail(
            Code::precondition,
            fmt::format("routes: trap {}: {}", trap.id, trap.text),
            plan.control_url,
            trap.hint
        );
    }
    Json out = route_plan_document(plan);
    out["evidence"] = Json::array({run::k_journal_file});
    co_return out;
}

std::size_t route_step_writes(const Plan& plan) {
    return list_in(plan.facts.routes, "writes").size();
}

std::string route_step_text(const Plan& plan) {
    const auto routes = read_route_plan(plan.facts.routes);
    if (!plan.playbook.routes || !routes) {
        return {};
    }
    std::string out = fmt::format(
        "  {} {:<8} {:<22} after all of this, at {}\n",
        route_step_writes(plan) > 0 ? "~" : " ",
        "routes",
        "routes.set",
        routes->control_url
    );
    const std::string text = route_plan_text(*routes);
    for (std::string_view rest = text; !rest.empty();) {
        out += fmt::format("      {}\n", cut_line(rest));
    }
    return out + fmt::format("      evidence: {}\n", run::k_journal_file);
}

Task<Result<std::vector<std::string>>> route_drift(const Outside* outside, const Plan* plan) {
    std::vector<std::string> drifted;
    if (!plan->playbook.routes) {
        co_return drifted;
    }
    OA_CO_TRY(const RoutePlan planned, read_route_plan(plan->facts.routes));
    OA_CO_TRY(const RoutePlan now, co_await plan_now(outside, &plan->playbook));
    if (now.before != planned.before) {
        drifted.push_back(
            fmt::format("routes: planned {}, live {}", planned.before.text(), now.before.text())
        );
    } else {
        name_differences(drifted, "routes", to_json(planned.status()), to_json(now.status()));
    }
    co_return drifted;
}

Advice manual_route_command(const Plan& plan) {
    const auto routes = read_route_plan(plan.facts.routes);
    if (!routes) {
        return {};
    }
    const bool rolls_back = plan.playbook.kind == Kind::rollback;
    std::vector<Suggestion> out;
    for (const RouteWrite& write : rolls_back ? routes->reversed().undo() : routes->undo()) {
        out.push_back(suggestion_of(plan.playbook, write));
    }
    return advice_to_do_all(out);
}

} // namespace oa_stream::playbook
