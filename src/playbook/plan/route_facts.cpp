// What the route half would do, and whether it still would do that.
#include "engine/route_step.hpp"
#include "plan/plan_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

using namespace routes;

RoutesSpec spec_of(const Playbook& playbook) {
    return playbook.routes.value_or(RoutesSpec{});
}

std::string memories_text(const RouteSnapshot& snapshot) {
    std::vector<std::string> out;
    out.reserve(snapshot.seen.size());
    for (const Overrides& one : snapshot.seen) {
        out.push_back(one.text());
    }
    return fmt::format("{}", fmt::join(out, "; "));
}

Task<Result<RouteSnapshot>> look(const Outside* outside, const Playbook* playbook) {
    RouteSplitClient client(*outside->client, routes_service(*playbook, *outside));
    auto snapshot = co_await snapshot_routes(client, routes_looks(*playbook));
    if (!snapshot) {
        co_return std::unexpected(std::move(snapshot).error().prefixed("routes"));
    }
    if (!snapshot->agreed) {
        co_return fail(
            Code::precondition,
            "routes: the processes behind the address remember different overrides: " +
                memories_text(*snapshot),
            routes_url(*playbook),
            "oa-stream route status shows it, oa-stream route set makes them agree"
        );
    }
    co_return snapshot;
}

/// For a POSIX shell.
std::string words_of(const Playbook& playbook) {
    const RoutesSpec spec = spec_of(playbook);
    const auto& auth = spec.auth ? spec.auth : playbook.target.auth;
    std::string out = " --base-url " + routes_url(playbook);
    out += auth ? " --auth " + auth->reference : "";
    if (const auto& compat = playbook.target.compat) {
        out += fmt::format(
            " --compat-build {} --compat-protocol {} --compat-schema {}",
            compat->build,
            compat->protocol,
            compat->schema
        );
    }
    return out + " --apply";
}

} // namespace

std::string routes_url(const Playbook& playbook) {
    const RoutesSpec spec = spec_of(playbook);
    const Target& target = playbook.target;
    return !spec.control_url.empty()     ? spec.control_url
           : !target.control_url.empty() ? target.control_url
                                         : target.base_url;
}

RouteSplitOptions routes_service(const Playbook& playbook, const Outside& outside) {
    RouteSplitOptions out;
    out.base_url = routes_url(playbook);
    out.bearer = outside.control_token;
    if (const auto& compat = playbook.target.compat) {
        out.build = compat->build;
        out.protocol = compat->protocol;
        out.schema = compat->schema;
    }
    return out;
}

RouteLooks routes_looks(const Playbook& playbook) {
    RouteLooks out;
    out.agree = spec_of(playbook).fresh;
    out.most = std::max(out.most, 2 * out.agree);
    return out;
}

std::vector<RouteChange> routes_changes(const Playbook& playbook) {
    std::vector<RouteChange> out;
    for (const RouteOverride& change : spec_of(playbook).changes) {
        out.push_back(
            {change.target,
             change.domain.empty() ? std::nullopt : std::optional<std::string>(change.domain)}
        );
    }
    return out;
}

Task<Result<Json>> plan_route_half(const Outside* outside, const Playbook* playbook) {
    if (!playbook->routes) {
        co_return Json(nullptr);
    }
    OA_CO_TRY(const RouteSnapshot snapshot, co_await look(outside, playbook));
    auto plan = plan_routes(snapshot.status, routes_changes(*playbook), playbook->routes->paths);
    if (!plan) {
        co_return std::unexpected(std::move(plan).error().prefixed("routes"));
    }
    if (!plan->traps.empty()) {
        const RouteTrap& trap = plan->traps.front();
        co_return fail(
            Code::precondition,
            fmt::format("routes: trap {}: {}", trap.id, trap.text),
            routes_url(*playbook),
            trap.hint
        );
    }
    Json out = to_json(*plan);
    out["control_url"] = routes_url(*playbook);
    out["status"] = to_json(plan->status);
    out["paths"] = plan->paths;
    out["evidence"] = Json::array({k_routes_journal});
    co_return out;
}

Result<RouteMemory> route_memory(const Plan& plan) {
    const Json& facts = plan.facts.routes;
    if (!facts.is_object()) {
        return fail(Code::unreadable, "the plan does not say how the routes were");
    }
    RouteMemory out;
    OA_TRY(out.status, parse_route_status(facts.value("status", Json())));
    OA_TRY(out.before, parse_overrides(facts.value("before", Json())));
    OA_TRY(out.goal, parse_overrides(facts.value("after", Json())));
    return out;
}

std::size_t route_half_writes(const Plan& plan) {
    const Json* writes = member(plan.facts.routes, "writes");
    return writes == nullptr ? 0 : writes->size();
}

std::string route_half_text(const Plan& plan) {
    const auto memory = route_memory(plan);
    if (!plan.playbook.routes || !memory) {
        return {};
    }
    const auto routes =
        plan_routes(memory->status, routes_changes(plan.playbook), plan.playbook.routes->paths);
    std::string out = fmt::format(
        "  {} {:<8} {:<22} after all of this, at {}\n",
        route_half_writes(plan) > 0 ? "~" : " ",
        "routes",
        "routes.set",
        routes_url(plan.playbook)
    );
    const std::string text = routes ? route_plan_text(*routes) : routes.error().text() + "\n";
    std::size_t at = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
        out += "      " + text.substr(at, end - at) + "\n";
        at = end + 1;
    }
    return out + fmt::format("      evidence: {}\n", k_routes_journal);
}

Task<Result<void>> check_route_drift(const Outside* outside, const Plan* plan) {
    if (!plan->playbook.routes) {
        co_return Result<void>{};
    }
    OA_CO_TRY(const RouteMemory memory, route_memory(*plan));
    OA_CO_TRY(const RouteSnapshot snapshot, co_await look(outside, &plan->playbook));
    std::vector<std::string> drifted;
    if (const Overrides now = overrides_of(snapshot.status); now != memory.before) {
        drifted.push_back(
            fmt::format("routes: planned {}, live {}", memory.before.text(), now.text())
        );
    } else {
        name_differences(drifted, "routes", to_json(memory.status), to_json(snapshot.status));
    }
    if (!drifted.empty()) {
        co_return fail(
            Code::precondition,
            fmt::format("not as it was planned: {}", fmt::join(drifted, "; ")),
            {},
            "make a new plan"
        );
    }
    co_return Result<void>{};
}

std::string routes_by_hand(const Playbook& playbook, const Overrides& from, const Overrides& to) {
    auto writes = writes_between(from, to);
    std::ranges::reverse(writes);
    std::string out;
    for (const RouteWrite& write : writes) {
        const bool clear = write.target == "clear";
        out += fmt::format(
            "{}oa-stream route {}{}{}",
            out.empty() ? "" : " && ",
            clear ? "clear" : "set " + write.target,
            write.domain ? " --domain " + *write.domain : "",
            words_of(playbook)
        );
    }
    return out;
}

std::string routes_by_hand(const Plan& plan) {
    const auto memory = route_memory(plan);
    if (!memory) {
        return {};
    }
    return plan.playbook.kind == Kind::rollback
               ? routes_by_hand(plan.playbook, memory->before, memory->goal)
               : routes_by_hand(plan.playbook, memory->goal, memory->before);
}

} // namespace oa_stream::playbook
