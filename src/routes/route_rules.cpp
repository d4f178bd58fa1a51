#include "oa_stream/routes/route_rules.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::routes {
namespace {

constexpr std::string_view k_legacy = "legacy";
constexpr std::string_view k_rust = "rust_shell";
constexpr std::string_view k_workers = "/api/runtime/codex/workers";
constexpr std::array<std::string_view, 6> k_targets{
    "legacy", "rust", "rust_shell", "rollback", "clear", "default"
};

bool under(std::string_view path, std::string_view prefix) noexcept {
    return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/');
}

/// Within a domain "/" means that path alone, among the Rust routes everything.
bool domain_holds(std::string_view path, std::string_view prefix) noexcept {
    return prefix == "/" ? path == "/" : under(path, prefix);
}

RouteRule by_mode(const RouteStatus& status) {
    if (status.mode == "rust") {
        return {std::string(k_rust), "mode_rust"};
    }
    if (status.mode != "cohort") {
        return {std::string(k_legacy), "mode_legacy"};
    }
    // Nobody's bucket is below 0 %, everybody's below 100 %.
    const bool all = status.cohort_percentage >= 100;
    const bool none = status.cohort_percentage <= 0;
    return {std::string(all ? k_rust : none ? k_legacy : ""), "mode_cohort"};
}

Result<const RouteGroup*> find_domain(const RouteStatus& status, std::string_view text) {
    const std::string name = route_domain(text);
    std::vector<std::string_view> names;
    for (const RouteGroup& group : status.groups) {
        if (group.domain == name) {
            return &group;
        }
        names.push_back(group.domain);
    }
    return fail(
        Code::usage,
        fmt::format("the service has no route domain '{}'", printable(text, 60)),
        {},
        did_you_mean(name, names)
    );
}

/// What is remembered for a target; nullopt: nothing.
Result<std::optional<std::string>> stored(std::string_view target, const RouteGroup* group) {
    const std::string word = to_lower(trim(target));
    if (word == "legacy") {
        return std::string(k_legacy);
    }
    if (word == "rust" || word == "rust_shell") {
        return std::string(k_rust);
    }
    if (word == "clear" || word == "default") {
        return std::nullopt;
    }
    if (word == "rollback") {
        return group == nullptr ? std::string(k_legacy) : group->rollback_target;
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not a route target", printable(target, 60)),
        {},
        did_you_mean(word, k_targets, "legacy, rust, rollback or clear")
    );
}

} // namespace

std::string route_domain(std::string_view text) {
    std::string out = to_lower(trim(text));
    std::ranges::replace(out, '-', '_');
    return out;
}

bool is_about(const RouteChange& change, const RouteGroup& group) {
    return change.domain && route_domain(*change.domain) == group.domain;
}

std::string RouteRule::text() const {
    return fmt::format("{} ({})", target.empty() ? "by cohort" : target, reason);
}

std::string Overrides::text() const {
    std::string out = global ? "global " + *global : "";
    for (const auto& [domain, target] : domains) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", domain, target);
    }
    return out.empty() ? "none" : out;
}

void Overrides::lay_over(const Overrides& others) {
    global = others.global ? others.global : global;
    for (const auto& [domain, target] : others.domains) {
        domains[domain] = target;
    }
}

std::optional<std::string> Overrides::of(const std::optional<std::string>& domain) const {
    if (!domain) {
        return global;
    }
    const auto found = domains.find(*domain);
    return found == domains.end() ? std::nullopt : std::optional(found->second);
}

bool is_ours(const Overrides& seen, std::span<const Overrides> known) {
    const auto fits = [&](const std::optional<std::string>& domain) {
        const auto value = seen.of(domain);
        return !value || std::ranges::any_of(known, [&](const Overrides& one) {
            return one.of(domain) == value;
        });
    };
    return fits(std::nullopt) &&
           std::ranges::all_of(seen.domains, [&](const auto& entry) { return fits(entry.first); });
}

Overrides overrides_of(const RouteStatus& status) {
    Overrides out{.global = status.override_target};
    for (const RouteGroup& group : status.groups) {
        if (group.override_target) {
            out.domains[group.domain] = *group.override_target;
        }
    }
    return out;
}

RouteStatus with_overrides(RouteStatus status, const Overrides& overrides) {
    status.override_target = overrides.global;
    for (RouteGroup& group : status.groups) {
        group.override_target = overrides.of(group.domain);
    }
    return status;
}

const RouteGroup* group_of(const RouteStatus& status, std::string_view path) noexcept {
    for (const RouteGroup& group : status.groups) {
        for (const std::string& prefix : group.prefixes) {
            if (domain_holds(path, prefix)) {
                return &group;
            }
        }
    }
    return nullptr;
}

// The order is the service's.
RouteRule rule_for(const RouteStatus& status, std::string_view path) {
    path = path.substr(0, path.find_first_of("?#"));
    if (under(path, k_workers)) {
        return {std::string(k_rust), "codex_worker_control_rust_authority"};
    }
    if (under(path, k_pinned_prefix)) {
        return {std::string(k_rust), "api_rust_authority"};
    }
    const RouteGroup* group = group_of(status, path);
    if (group != nullptr && group->override_target) {
        return {*group->override_target, "domain_override"};
    }
    if (status.force_legacy) {
        return {std::string(k_legacy), "force_legacy"};
    }
    if (status.override_target) {
        return {*status.override_target, "runtime_override"};
    }
    if (!status.enabled) {
        return {std::string(k_legacy), "route_split_disabled"};
    }
    const bool rust = std::ranges::any_of(status.rust_routes, [&](const std::string& prefix) {
        return prefix == "/" || under(path, prefix);
    });
    return rust ? by_mode(status) : RouteRule{std::string(k_legacy), "legacy_route_default"};
}

std::string_view explain_reason(std::string_view reason) noexcept {
    struct Row {
        std::string_view reason;
        std::string_view text;
    };
    static constexpr std::array rows{
        Row{"codex_worker_control_rust_authority", "pinned: no override reaches it"},
        Row{"api_rust_authority", "pinned: no override reaches anything below /api"},
        Row{"domain_override", "an override of the domain, which outranks all but the pin"},
        Row{"force_legacy", "forced by the service's environment; a global override is outranked"},
        Row{"runtime_override", "the global override"},
        Row{"route_split_disabled", "the split is switched off in the service's environment"},
        Row{"legacy_route_default", "not among the service's Rust routes"},
        Row{"mode_legacy", "the service's mode"},
        Row{"mode_rust", "the service's mode"},
        Row{"mode_cohort", "the service's mode: the caller's cohort decides"},
    };
    const auto* found = std::ranges::find(rows, reason, &Row::reason);
    return found == rows.end() ? "" : found->text;
}

Result<Overrides> after_changes(const RouteStatus& status, std::span<const RouteChange> changes) {
    Overrides out = overrides_of(status);
    for (const RouteChange& change : changes) {
        const RouteGroup* group = nullptr;
        if (change.domain) {
            OA_TRY(group, find_domain(status, *change.domain));
        }
        OA_TRY(auto value, stored(change.target, group));
        if (group == nullptr) {
            out.global = std::move(value);
        } else if (value) {
            out.domains[group->domain] = *std::move(value);
        } else {
            out.domains.erase(group->domain);
        }
    }
    return out;
}

std::vector<RouteEffect>
effects_of(const RouteStatus& status, const Overrides& goal, std::span<const std::string> paths) {
    const RouteStatus after = with_overrides(status, goal);
    std::vector<std::string> all;
    for (const RouteGroup& group : status.groups) {
        if (auto path = group.front_path(); !path.empty()) {
            all.push_back(std::move(path));
        }
    }
    for (const std::string& path : paths) {
        add_once(all, path);
    }
    std::vector<RouteEffect> out;
    for (std::string& path : all) {
        const RouteGroup* group = group_of(status, path);
        RouteRule before = rule_for(status, path);
        RouteRule then = rule_for(after, path);
        out.push_back(
            {std::move(path),
             group == nullptr ? std::string() : group->domain,
             std::move(before),
             std::move(then)}
        );
    }
    return out;
}

std::string RouteWrite::text() const {
    return fmt::format("{}: {}", domain.value_or("global"), target);
}

std::vector<RouteWrite> writes_between(const Overrides& from, const Overrides& to) {
    const auto word = [](const std::string& value) { return value == k_rust ? "rust" : value; };
    std::set<std::string> names;
    for (const auto* side : {&from, &to}) {
        for (const auto& [domain, target] : side->domains) {
            names.insert(domain);
        }
    }
    std::vector<RouteWrite> out;
    for (const std::string& name : names) {
        const auto gets = to.of(name);
        if (!gets) {
            out.push_back({name, "clear"});
        } else if (from.of(name) != gets) {
            out.push_back({name, word(*gets)});
        }
    }
    if (from.global != to.global) {
        out.push_back({std::nullopt, to.global ? word(*to.global) : "clear"});
    }
    return out;
}

} // namespace oa_stream::routes
