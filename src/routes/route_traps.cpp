// Where a change of the route split would not do what it seems to.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/routes/route_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

bool pinned(const RouteStatus& status, std::string_view path) {
    const std::string reason = rule_for(status, path).reason;
    return reason == "api_rust_authority" || reason == "codex_worker_control_rust_authority";
}

/// The same change alone, on an empty memory: what it is meant to bring.
std::optional<std::string>
meant(const RouteStatus& status, const RouteChange& change, const RouteGroup& group) {
    const auto alone = after_changes(with_overrides(status, {}), std::span(&change, 1));
    if (!alone) {
        return std::nullopt;
    }
    return change.domain ? alone->of(group.domain) : alone->global;
}

/// The last of the changes that is about the group.
const RouteChange* last_about(std::span<const RouteChange> changes, const RouteGroup& group) {
    const RouteChange* global = nullptr;
    const RouteChange* own = nullptr;
    for (const RouteChange& change : changes) {
        own = is_about(change, group) ? &change : own;
        global = change.domain ? global : &change;
    }
    return own != nullptr ? own : global;
}

RouteTrap outranked(const RouteGroup& group, const RouteChange& change, const RouteRule& instead) {
    if (instead.reason == "force_legacy") {
        return {
            "force-legacy",
            fmt::format(
                "a global {} does not reach {}: the service's environment forces legacy "
                "(OA_ROUTE_SPLIT_FORCE_LEGACY), which outranks the global override",
                change.target,
                group.domain
            ),
            fmt::format("an override of the domain outranks it: {} {}", names::domain, group.domain)
        };
    }
    return {
        "outranked",
        fmt::format(
            "a global {} does not reach {}: its own override ({}) outranks the global one",
            change.target,
            group.domain,
            instead.target
        ),
        "clear it first: " + Suggestion{"route clear", {names::domain, group.domain}}
    };
}

} // namespace

std::vector<RouteTrap> traps_of(
    const RouteStatus& status,
    std::span<const RouteChange> changes,
    std::span<const std::string> paths
) {
    std::vector<RouteTrap> out;
    for (const std::string& path : paths) {
        if (pinned(status, path)) {
            out.push_back(
                {"pinned",
                 fmt::format("{} is pinned to rust_shell: no override reaches it", path),
                 "the stream lane goes back by traffic alone: " + Suggestion{"rollback plan"}}
            );
        }
    }
    const auto goal = after_changes(status, changes);
    if (!goal) {
        return out; // the caller has seen that error
    }
    const RouteStatus after = with_overrides(status, *goal);
    for (const RouteGroup& group : status.groups) {
        const RouteChange* change = last_about(changes, group);
        const std::string path = group.front_path();
        if (change == nullptr || path.empty()) {
            continue;
        }
        const auto wanted = meant(status, *change, group);
        const RouteRule rule = rule_for(after, path);
        if (wanted && rule.target != *wanted) {
            out.push_back(outranked(group, *change, rule));
        }
    }
    return out;
}

std::vector<std::string> notes_of(const RouteStatus& status, std::span<const RouteChange> changes) {
    std::vector<std::string> out;
    const auto goal = after_changes(status, changes);
    const Overrides then = goal.value_or(Overrides{});
    for (const RouteChange& change : changes) {
        const std::string word = to_lower(trim(change.target));
        for (const RouteGroup& group : status.groups) {
            if (word == "rollback" && group.rollback_target != "legacy" &&
                (!change.domain || is_about(change, group))) {
                out.push_back(
                    change.domain
                        ? fmt::format(
                              "{} rolls back to {}, not to legacy",
                              group.domain,
                              group.rollback_target
                          )
                        : fmt::format(
                              "a global rollback is legacy for {} too, whose own rollback target "
                              "is {}",
                              group.domain,
                              group.rollback_target
                          )
                );
            }
        }
        if (!change.domain && (word == "clear" || word == "default") && !then.domains.empty()) {
            out.emplace_back("clearing the global override leaves those of the domains in place");
        }
    }
    const bool legacy =
        then.global == "legacy" || std::ranges::any_of(then.domains, [](const auto& entry) {
            return entry.second == "legacy";
        });
    if (legacy && !status.legacy_base_url) {
        out.emplace_back("the service has no legacy_base_url: paths decided legacy have no target");
    }
    out.emplace_back(k_lane_untouched);
    return out;
}

} // namespace oa_stream::routes
