// Keys of the route half.
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"

#include <algorithm>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::string_view k_global = "global";
constexpr std::array<std::string_view, 3> k_target_words{"legacy", "rust", "rollback"};
constexpr std::array<std::string_view, 2> k_set_forms{"domain", k_global};

/// In the service's spelling: "billing_l402".
std::string domain_name(std::string_view text) {
    std::string out = to_lower(trim(text));
    if (!out.starts_with("${")) {
        std::ranges::replace(out, '-', '_');
    }
    return out;
}

void domain_into(const Node& node, RouteOverride& out) {
    if (const auto text = node.text()) {
        out.domain = domain_name(*text);
        if (out.domain.empty() || out.domain == k_global) {
            node.refuse("not a domain", "global: true is the override below all domains");
        }
    }
}
void global_into(const Node& node, RouteOverride& out) {
    const auto value = node.boolean();
    if (value && !*value) {
        node.refuse("only true is possible", "domain: one of the service's domains");
    }
    out.domain.clear();
}

constexpr auto k_set_keys = keys<RouteOverride>(
    custom<RouteOverride, domain_into>(
        Type::text, "domain", Need::optional, "Whose override: one of the service's domains."
    ),
    custom<RouteOverride, global_into>(
        Type::boolean, k_global, Need::optional, "`true`: the override below all domains."
    ),
    word_text<&RouteOverride::target, k_target_words>(
        "target",
        Need::required,
        "What is to serve it; `rollback` is the domain's own rollback target, of the global one "
        "legacy."
    )
);
constinit const Section<RouteOverride> k_set{
    {.name = "route",
     .help = "One override: exactly one of domain and global.",
     .keys = k_set_keys,
     .exactly_one = k_set_forms}
};

void set_into(const Node& node, RoutesSpec& out) {
    for (const Node& item : node.list()) {
        read_section(item, k_set, out.changes.emplace_back());
    }
}
/// Inserted before the overrides that are set, wherever the key is: a cleared domain must not
/// override them.
void clear_into(const Node& node, RoutesSpec& out) {
    auto names = config::detail::texts_of(node);
    std::vector<RouteOverride> cleared;
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
        const std::string domain = domain_name(name);
        cleared.push_back({domain == k_global ? std::string() : domain, "clear"});
    }
    out.changes.insert(out.changes.begin(), cleared.begin(), cleared.end());
}

constexpr auto k_routes_keys = keys<RoutesSpec>(
    config::url<&RoutesSpec::control_url>(
        "control_url", Need::optional, "The control service; that of `target` if absent."
    ),
    config::auth<&RoutesSpec::auth>(
        "auth", Need::optional, "An administrator's credential there; that of `target` if absent."
    ),
    custom<RoutesSpec, clear_into>(
        Type::texts,
        "clear",
        Need::optional,
        "Domains whose override is removed, or `global`; before anything is set."
    ),
    custom<RoutesSpec, set_into>(
        Type::sections, "set", Need::optional, "Overrides, in this order.", &k_set
    ),
    texts<&RoutesSpec::paths>(
        "paths", Need::optional, "Paths to evaluate, in addition to one of each changed domain."
    ),
    count<&RoutesSpec::fresh, 1, 50>(
        "fresh", Need::optional, "Successive fresh connections that must agree."
    )
        .or_else("5")
);

} // namespace

constinit const Section<RoutesSpec> k_routes{
    {"routes",
     "Who serves which web pages, according to the control service. No route change touches the "
     "stream lane.",
     k_routes_keys}
};

} // namespace oa_stream::playbook::file
