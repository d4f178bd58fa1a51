#include "oa_stream/routes/route_plan.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

bool about(const RouteChange& change, const RouteGroup& group) {
    if (!change.domain) {
        return true;
    }
    std::string name = to_lower(trim(*change.domain));
    std::ranges::replace(name, '-', '_');
    return name == group.domain;
}

Json writes_json(const std::vector<RouteWrite>& writes) {
    Json out = Json::array();
    for (const RouteWrite& write : writes) {
        out.push_back(
            {{"domain", write.domain ? Json(*write.domain) : Json(nullptr)},
             {"target", write.target}}
        );
    }
    return out;
}

Json rule_json(const RouteRule& rule) {
    return {
        {"target", rule.target.empty() ? Json(nullptr) : Json(rule.target)}, {"reason", rule.reason}
    };
}

std::string rule_text(const RouteRule& rule) {
    return fmt::format("{} ({})", rule.target.empty() ? "by cohort" : rule.target, rule.reason);
}

} // namespace

Result<RoutePlan> plan_routes(
    const RouteStatus& status,
    const std::vector<RouteChange>& changes,
    const std::vector<std::string>& paths
) {
    RoutePlan out;
    out.status = status;
    out.before = overrides_of(status);
    OA_TRY(out.goal, after_changes(status, changes));
    out.writes = writes_between(out.before, out.goal);
    out.undo = writes_between(out.goal, out.before);
    std::ranges::reverse(out.undo);
    out.effects = effects_of(status, out.goal, paths);
    out.traps = traps_of(status, changes, paths);
    out.notes = notes_of(status, changes);
    for (const RouteGroup& group : status.groups) {
        const bool asked = std::ranges::any_of(changes, [&](const RouteChange& change) {
            return about(change, group);
        });
        if (asked && !group.prefixes.empty()) {
            out.paths.push_back(group.prefixes.front());
        }
    }
    for (const std::string& path : paths) {
        if (std::ranges::find(out.paths, path) == out.paths.end()) {
            out.paths.push_back(path);
        }
    }
    return out;
}

Json to_json(const RoutePlan& plan) {
    Json effects = Json::array();
    for (const RouteEffect& effect : plan.effects) {
        effects.push_back(
            {{"path", effect.path},
             {"domain", effect.domain.empty() ? Json(nullptr) : Json(effect.domain)},
             {"before", rule_json(effect.before)},
             {"after", rule_json(effect.after)}}
        );
    }
    Json traps = Json::array();
    for (const RouteTrap& trap : plan.traps) {
        traps.push_back({{"id", trap.id}, {"message", trap.text}, {"hint", trap.hint}});
    }
    return {
        {"changes", plan.changes()},
        {"before", to_json(plan.before)},
        {"after", to_json(plan.goal)},
        {"writes", writes_json(plan.writes)},
        {"undo", writes_json(plan.undo)},
        {"effects", std::move(effects)},
        {"traps", std::move(traps)},
        {"notes", plan.notes},
        {"touches_stream_lane", false},
    };
}

std::string route_plan_text(const RoutePlan& plan) {
    std::string out = fmt::format("overrides: {} -> {}\n", plan.before.text(), plan.goal.text());
    for (const RouteEffect& effect : plan.effects) {
        out += fmt::format(
            "  {:<24} {:<20} {}{}\n",
            effect.domain.empty() ? "-" : effect.domain,
            effect.path,
            rule_text(effect.before),
            effect.before == effect.after ? ", unchanged" : " -> " + rule_text(effect.after)
        );
    }
    for (const RouteWrite& write : plan.writes) {
        out += fmt::format("write {}\n", write.text());
    }
    for (const RouteWrite& write : plan.undo) {
        out += fmt::format("undo  {}\n", write.text());
    }
    for (const RouteTrap& trap : plan.traps) {
        out += fmt::format("trap: {} ({})\n", trap.text, trap.hint);
    }
    for (const std::string& note : plan.notes) {
        out += fmt::format("note: {}\n", note);
    }
    return out;
}

} // namespace oa_stream::routes
