// The control service's route split as data: what it remembers, which rule decides a path, and what
// a change would really do.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::routes {

/// Everything below it is answered by the Rust service before any override is read: the stream lane
/// among it. No route change touches it.
inline constexpr std::string_view k_pinned_prefix = "/api";
inline constexpr std::string_view k_lane_untouched =
    "/api and everything below it is pinned before any override is read: this does not touch the "
    "stream lane (/api/chat/stream, /api/chats/{id}/stream)";

struct RouteGroup {
    std::string domain;
    std::vector<std::string> prefixes;
    std::string rollback_target;
    std::optional<std::string> override_target{};
    /// Its first prefix; empty: it has none.
    [[nodiscard]] std::string front_path() const {
        return prefixes.empty() ? std::string() : prefixes.front();
    }
};

/// The answer of GET …/route-split/status, without the presentation (htmx) modes.
struct RouteStatus {
    bool enabled = false;
    std::string mode; ///< "legacy", "rust" or "cohort"
    int cohort_percentage = 0;
    std::vector<std::string> rust_routes{};
    bool force_legacy = false;
    std::optional<std::string> legacy_base_url{};
    std::optional<std::string> override_target{}; ///< global
    std::vector<RouteGroup> groups{};
};
/// Code::protocol naming the member that is missing or wrong.
[[nodiscard]] Result<RouteStatus> parse_route_status(const Json& data);
[[nodiscard]] Json to_json(const RouteStatus& status);

struct RouteDecision {
    std::string path;
    std::string target; ///< "legacy" or "rust_shell"
    std::string reason;
    std::optional<std::string> domain{};
    std::optional<std::string> rollback_target{};
    std::optional<int> cohort_bucket{};
    std::string cohort_key;
};
[[nodiscard]] Result<RouteDecision> parse_route_decision(const Json& data);
[[nodiscard]] Json to_json(const RouteDecision& decision);

/// What operators have set, and nothing else: the part that a change writes and an undo restores.
struct Overrides {
    std::optional<std::string> global{};
    std::map<std::string, std::string, std::less<>> domains{};
    [[nodiscard]] std::string text() const; ///< "global legacy, chat_pilot rust_shell", or "none"
    /// Of a domain; unset: the global one.
    [[nodiscard]] std::optional<std::string> of(const std::optional<std::string>& domain) const;
    /// Sets what `others` set; what they do not set stays.
    void lay_over(const Overrides& others);
    friend bool operator==(const Overrides&, const Overrides&) = default;
};
[[nodiscard]] Overrides overrides_of(const RouteStatus& status);
[[nodiscard]] RouteStatus with_overrides(RouteStatus status, const Overrides& overrides);
/// Whether each value in `seen` is one of `known`, or absent: a process that began again.
[[nodiscard]] bool is_ours(const Overrides& seen, std::span<const Overrides> known);
[[nodiscard]] Json to_json(const Overrides& overrides);
[[nodiscard]] Result<Overrides> parse_overrides(const Json& json);

/// By which rule a path is served, as the precedence of the service has it. `target` is empty when
/// the cohort decides.
struct RouteRule {
    std::string target;
    std::string reason; ///< the service's own word: "domain_override"
    [[nodiscard]] std::string text() const; ///< "rust_shell (mode_rust)"
    friend bool operator==(const RouteRule&, const RouteRule&) = default;
};
[[nodiscard]] RouteRule rule_for(const RouteStatus& status, std::string_view path);
/// "a domain override; nothing outranks it but the /api pin"
[[nodiscard]] std::string_view explain_reason(std::string_view reason) noexcept;
/// nullptr when no domain has the path.
[[nodiscard]] const RouteGroup* group_of(const RouteStatus& status, std::string_view path) noexcept;

/// What an operator asks for.
struct RouteChange {
    std::string target; ///< "legacy", "rust", "rust_shell", "rollback", "clear" or "default"
    std::optional<std::string> domain{}; ///< unset: global
};

/// As the service spells a domain: "Auth-Entry" is auth_entry.
[[nodiscard]] std::string route_domain(std::string_view text);
/// Whether the change names the group's domain.
[[nodiscard]] bool is_about(const RouteChange& change, const RouteGroup& group);

/// What the service would remember after the changes, one after the other. Code::usage for an
/// unknown target or domain, with the nearest name.
[[nodiscard]] Result<Overrides>
after_changes(const RouteStatus& status, std::span<const RouteChange> changes);

/// How one path is served before and after.
struct RouteEffect {
    std::string path;
    std::string domain; ///< empty: none
    RouteRule before;
    RouteRule after;
};
/// For a path of each domain and the paths given besides.
[[nodiscard]] std::vector<RouteEffect>
effects_of(const RouteStatus& status, const Overrides& goal, std::span<const std::string> paths);

/// A change that would not do what it seems to.
struct RouteTrap {
    std::string id; ///< "outranked", "force-legacy", "pinned"
    std::string text;
    Advice hint;
};
/// Empty: each change reaches all that it is about. `paths` are those that the caller expects to
/// follow the changes.
[[nodiscard]] std::vector<RouteTrap> traps_of(
    const RouteStatus& status,
    std::span<const RouteChange> changes,
    std::span<const std::string> paths
);
/// What should be known and is not a reason to refuse; the stream lane's sentence is the last one.
[[nodiscard]] std::vector<std::string>
notes_of(const RouteStatus& status, std::span<const RouteChange> changes);

/// One call that brings a process from one memory towards another.
struct RouteWrite {
    std::optional<std::string> domain{};
    std::string target; ///< as the service takes it: "legacy", "rust", "clear"
    [[nodiscard]] std::string text() const; ///< "chat_pilot: legacy", "global: clear"
};
/// Domains in order, the global one last.
[[nodiscard]] std::vector<RouteWrite> writes_between(const Overrides& from, const Overrides& to);

} // namespace oa_stream::routes
