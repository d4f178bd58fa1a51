#include "oa_stream/routes/route_plan.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::routes {
namespace {

void add_path(std::vector<std::string>& paths, const std::string& path) {
    if (!path.empty() && !contains(paths, path)) {
        paths.push_back(path);
    }
}

/// One path of each domain that the changes are about, and those asked.
std::vector<std::string> paths_of(
    const RouteStatus& status,
    const std::vector<RouteChange>& changes,
    const std::vector<std::string>& asked
) {
    std::vector<std::string> out;
    for (const RouteGroup& group : status.groups) {
        if (std::ranges::any_of(changes, [&](const RouteChange& change) {
                return !change.domain || is_about(change, group);
            })) {
            add_path(out, group.front_path());
        }
    }
    for (const std::string& path : asked) {
        add_path(out, path);
    }
    return out;
}

std::vector<RouteEffect> effects_of(const RoutePlan& plan) {
    return effects_of(plan.status(), plan.goal, plan.paths);
}

Json writes_json(const std::vector<RouteWrite>& writes) {
    return json_list(writes, [](const RouteWrite& write) -> Json {
        return {{"domain", or_null(write.domain)}, {"target", write.target}};
    });
}

Json rule_json(const RouteRule& rule) {
    return {{"target", or_null(rule.target)}, {"reason", rule.reason}};
}

} // namespace

std::vector<RouteWrite> RoutePlan::undo() const {
    auto out = writes_between(goal, before);
    std::ranges::reverse(out);
    return out;
}

bool RoutePlan::mixture() const {
    return std::ranges::any_of(found.seen, [&](const Overrides& memory) {
        return memory != goal && memory != before;
    });
}

RoutePlan RoutePlan::reversed() const {
    RoutePlan out = *this;
    std::swap(out.before, out.goal);
    out.found.status = with_overrides(std::move(out.found.status), out.before);
    out.traps.clear();
    out.notes = {std::string(k_lane_untouched)};
    out.paths.clear();
    for (const RouteGroup& group : out.status().groups) {
        add_path(out.paths, group.front_path());
    }
    return out;
}

Overrides RoutePlan::adopt_theirs(const Overrides& now, bool agreed, bool undone) {
    std::vector<Overrides> ours{before};
    if (!undone) {
        ours.push_back(goal);
        ours.insert(ours.end(), found.seen.begin(), found.seen.end());
    }
    Overrides out;
    const bool cleared = agreed && !now.global;
    if (cleared || !is_ours({.global = now.global}, ours)) {
        if (before.global == goal.global) {
            before.global = goal.global = now.global;
        } else {
            out.global = now.global;
        }
    }
    if (agreed) {
        const Overrides was = before;
        for (const auto& [domain, target] : was.domains) {
            if (!now.of(domain) && goal.of(domain) == target) {
                before.domains.erase(domain);
                goal.domains.erase(domain);
            }
        }
    }
    for (const auto& [domain, target] : now.domains) {
        if (is_ours({.domains = {{domain, target}}}, ours)) {
            continue;
        }
        if (before.of(domain) == goal.of(domain)) {
            before.domains[domain] = goal.domains[domain] = target;
        } else {
            out.domains[domain] = target;
        }
    }
    return out;
}

Result<RoutePlan> plan_routes(RouteSnapshot found, const RouteOrder& order) {
    auto changes = order.changes;
    if (order.clear_all) {
        changes.push_back({"clear", std::nullopt});
        std::set<std::string> domains;
        for (const Overrides& memory : found.seen) {
            for (const auto& [domain, target] : memory.domains) {
                domains.insert(domain);
            }
        }
        for (const std::string& domain : domains) {
            changes.push_back({"clear", domain});
        }
    }
    RoutePlan out;
    out.before = overrides_of(found.status);
    OA_TRY(out.goal, after_changes(found.status, changes));
    out.cohort_key = order.cohort_key;
    out.traps = traps_of(found.status, changes, order.paths);
    out.notes = notes_of(found.status, changes);
    out.paths = paths_of(found.status, changes, order.paths);
    out.found = std::move(found);
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): the caller awaits it, client in hand
Task<Result<RoutePlan>> plan_routes(RouteSplitClient& client, RouteOrder order) {
    OA_CO_TRY(RouteSnapshot found, co_await snapshot_routes(client, order.looks));
    OA_CO_TRY(RoutePlan out, plan_routes(std::move(found), order));
    out.control_url = client.base_url();
    co_return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): the caller awaits it, client in hand
Task<Result<RoutePlan>> replan_routes(RouteSplitClient& client, RoutePlan saved, RouteOrder order) {
    OA_CO_TRY(RouteSnapshot found, co_await snapshot_routes(client, order.looks));
    for (const Overrides& seen : found.seen) {
        if (!is_ours(seen, std::array{saved.before, saved.goal})) {
            co_return fail(
                Code::conflict,
                fmt::format(
                    "somebody else changed the routes meanwhile: planned {}, live {}",
                    saved.before.text(),
                    seen.text()
                )
            );
        }
    }
    found.status = with_overrides(std::move(found.status), saved.before);
    OA_CO_TRY(RoutePlan out, plan_routes(std::move(found), order));
    out.control_url = client.base_url();
    if (!out.traps.empty()) {
        co_return fail(Code::precondition, precedence_check(out).detail);
    }
    if (out.goal != saved.goal) {
        co_return fail(
            Code::precondition,
            fmt::format("it would become {}, planned {}", out.goal.text(), saved.goal.text())
        );
    }
    co_return out;
}

Json to_json(const RoutePlan& plan) {
    const auto effect_json = [](const RouteEffect& effect) -> Json {
        return {
            {"path", effect.path},
            {"domain", or_null(effect.domain)},
            {"before", rule_json(effect.before)},
            {"after", rule_json(effect.after)},
        };
    };
    const auto trap_json = [](const RouteTrap& trap) -> Json {
        return {{"id", trap.id}, {"message", trap.text}, {"hint", trap.hint.text()}};
    };
    return {
        {"changes", plan.changes()},
        {"before", to_json(plan.before)},
        {"after", to_json(plan.goal)},
        {"writes", writes_json(plan.writes())},
        {"undo", writes_json(plan.undo())},
        {"effects", json_list(effects_of(plan), effect_json)},
        {"traps", json_list(plan.traps, trap_json)},
        {"notes", plan.notes},
        {"touches_stream_lane", false},
    };
}

Json route_plan_document(const RoutePlan& plan) {
    Json out = to_json(plan);
    out["schema"] = k_route_plan_schema;
    out["control_url"] = plan.control_url;
    out["status"] = to_json(plan.status());
    out["paths"] = plan.paths;
    out["cohort_key"] = plan.cohort_key;
    if (plan.mixture()) {
        out["seen"] = json_list(plan.found.seen);
    }
    return out;
}

Result<RoutePlan> read_route_plan(const Json& document) {
    if (!document.is_object()) {
        return fail(Code::unreadable, "the plan does not record the previous routes");
    }
    RoutePlan out;
    out.control_url = text_in(document, "control_url");
    out.cohort_key = text_in(document, "cohort_key");
    OA_TRY(out.found.status, parse_route_status(document.value("status", Json())));
    OA_TRY(out.before, parse_overrides(document.value("before", Json())));
    OA_TRY(out.goal, parse_overrides(document.value("after", Json())));
    for (const Json& trap : document.value("traps", Json::array())) {
        out.traps.push_back({text_in(trap, "id"), text_in(trap, "message"), text_in(trap, "hint")});
    }
    const auto texts = [&](std::string_view key) {
        return mapped(document.value(key, Json::array()), [](const Json& text) {
            return text.is_string() ? text.get<std::string>() : std::string();
        });
    };
    for (const Json& memory : document.value("seen", Json::array())) {
        OA_TRY(Overrides seen, parse_overrides(memory));
        out.found.seen.push_back(std::move(seen));
    }
    out.notes = texts("notes");
    out.paths = texts("paths");
    return out;
}

std::string route_plan_text(const RoutePlan& plan) {
    std::string out = fmt::format("overrides: {} -> {}\n", plan.before.text(), plan.goal.text());
    for (const RouteEffect& effect : effects_of(plan)) {
        out += fmt::format(
            "  {:<24} {:<20} {}{}\n",
            effect.domain.empty() ? "-" : effect.domain,
            effect.path,
            effect.before.text(),
            effect.before == effect.after ? ", unchanged" : " -> " + effect.after.text()
        );
    }
    for (const RouteWrite& write : plan.writes()) {
        out += fmt::format("write {}\n", write.text());
    }
    for (const RouteWrite& write : plan.undo()) {
        out += fmt::format("undo  {}\n", write.text());
    }
    for (const RouteTrap& trap : plan.traps) {
        out += fmt::format("trap: {} ({})\n", trap.text, trap.hint.text());
    }
    for (const std::string& note : plan.notes) {
        out += fmt::format("note: {}\n", note);
    }
    return out;
}

std::string route_lock_name(std::string_view control_url) {
    return fmt::format("route-split:{}", control_url);
}

RouteRun change_of(RouteSplitClient& client, const RoutePlan& plan, const RouteLooks& looks) {
    RouteRun out;
    out.client = &client;
    out.before = plan.status();
    out.goal = plan.goal;
    out.known = plan.found.seen;
    out.paths = expectations_of(plan.status(), plan.goal, plan.paths);
    out.cohort_key = plan.cohort_key;
    out.looks = looks;
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): the caller awaits it, client in hand
Task<RouteRun> undo_of(RouteSplitClient& client, RoutePlan plan, RouteLooks looks, bool undone) {
    if (auto now = co_await client.status()) {
        (void)plan.adopt_theirs(overrides_of(*now), false, undone);
        plan.found.status = *std::move(now);
    }
    RoutePlan home = plan.reversed();
    home.found.status = with_overrides(std::move(home.found.status), plan.before);
    RouteRun out = change_of(client, home, looks);
    out.goal = plan.goal;
    out.goal_is_ours = !undone;
    if (undone) {
        out.known.clear();
    }
    out.paths = expectations_of(out.before, plan.before, home.paths);
    co_return out;
}

} // namespace oa_stream::routes
