// smoke control: does the control surface keep its promises, over the wire? Health, session, sync
// token, route split, the web shell's files, and what must be refused.
#pragma once

#include "oa_stream/probe/smoke_rule.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// `data.outcome` of a check that was skipped since it needs a token.
inline constexpr std::string_view k_no_token = "no_token";

/// What stands at the address.
enum class ControlProfile {
    /// The site as users reach it: the web shell's manifest, service worker and assets are there,
    /// and an edge may keep /healthz for itself (its 404 is reported and does not fail the
    /// service).
    shell_serving,
    api_only, ///< the service alone: no web shell, /healthz is required
};
inline constexpr std::array<std::string_view, 2> k_control_profile_words{
    "shell-serving", "api-only"
};
[[nodiscard]] std::string_view to_string(ControlProfile profile) noexcept;
/// Code::usage with the words there are. Empty text: api-only.
[[nodiscard]] Result<ControlProfile> parse_control_profile(std::string_view text);

/// Which generation of the service: they differ in who mints sync tokens.
enum class ControlLayout {
    detect, ///< sunset headers on the control status are the later generation's mark
    khala, ///< POST /api/v1/sync/token mints like /api/sync/token
    spacetime, ///< /api/v1/sync/token and /api/spacetime/token are gone: exactly 404
};
inline constexpr std::array<std::string_view, 3> k_control_layout_words{
    "detect", "khala", "spacetime"
};

struct ControlSmokeOptions {
    Target target; ///< base_url of the control surface; without a bearer half is SKIPPED
    ProbeLimits limits{Millis(5000), Millis(10000), Millis(10000), Millis(30000)};
    ControlProfile profile = ControlProfile::api_only;
    ControlLayout layout = ControlLayout::detect;
    std::string id_prefix = "control"; ///< of check ids: "control.session.current"
    bool probes = true; ///< false: GETs only, everything else SKIPPED
    /// false: nothing is asked for that the service would have to make or note down (sync tokens,
    /// policy decisions); what only reads goes on. For dry runs.
    bool writes = true;
    /// The signed cookie that lets its bearer through maintenance mode. Never the token that makes
    /// one: the service takes that in a URL, where every access log keeps it.
    Secret maintenance_cookie{};
    std::string cohort_key = "oa-stream-smoke"; ///< of route evaluations
    /// Where answers go, secrets already starred out: a file name ("control.session.current.body")
    /// and its bytes; returns the path written, relative to the run folder. Unset: nothing is kept.
    std::function<std::string(const std::string& name, std::string_view bytes)> keep{};
    std::function<void(const Check&)> on_check{}; ///< as each check is done
};

/// Every run reports each of them exactly once, in this order.
[[nodiscard]] std::span<const SmokeRule> control_rules() noexcept;

/// Runs every check once. Nothing is changed at the target: the requests read, mint a short-lived
/// sync token, or are such that they must be refused. Redirects are never followed and never good.
/// A target that cannot be reached is ERROR; data.outcome is "unauthorised" when the token was
/// refused. Never throws.
[[nodiscard]] Task<std::vector<Check>>
smoke_control(net::HttpClient& client, ControlSmokeOptions options);

} // namespace oa_stream::probe
