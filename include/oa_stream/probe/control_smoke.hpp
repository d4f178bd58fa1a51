// smoke control: checks over the network that the control surface keeps its contract: health,
// session, sync token, route split, the web shell's files, and requests that must be refused.
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

/// `data.outcome` of a check that was skipped because it needs a token.
inline constexpr std::string_view k_no_token = "no_token";

/// What serves at the address.
enum class ControlProfile {
    /// The site as users reach it: it has the web shell's manifest, service worker and assets, and
    /// an edge may keep /healthz to itself (its 404 is reported but does not fail the service).
    shell_serving,
    api_only, ///< only the service: no web shell, /healthz is required
};
inline constexpr std::array<std::string_view, 2> k_control_profile_words{
    "shell-serving", "api-only"
};
[[nodiscard]] std::string_view to_string(ControlProfile profile) noexcept;
/// Code::usage with the valid words. Empty text: api-only.
[[nodiscard]] Result<ControlProfile> parse_control_profile(std::string_view text);

/// The service's generation: they differ in which routes issue sync tokens.
enum class ControlLayout {
    detect, ///< sunset headers on the control status mark the later generation
    khala, ///< POST /api/v1/sync/token issues tokens like /api/sync/token
    spacetime, ///< /api/v1/sync/token and /api/spacetime/token are gone: exactly 404
};
inline constexpr std::array<std::string_view, 3> k_control_layout_words{
    "detect", "khala", "spacetime"
};

struct ControlSmokeOptions {
    /// base_url of the control surface; without a bearer half of the checks are SKIPPED.
    Target target;
    ProbeLimits limits{Millis(5000), Millis(10000), Millis(10000), Millis(30000)};
    ControlProfile profile = ControlProfile::api_only;
    ControlLayout layout = ControlLayout::detect;
    std::string id_prefix = "control"; ///< prefix of check ids
    bool probes = true; ///< false: GETs only, everything else SKIPPED
    /// false: requests nothing that the service would create or record (sync tokens, policy
    /// decisions), only reads. For dry runs.
    bool writes = true;
    /// The signed cookie that admits its bearer during maintenance. Never the token that creates
    /// the cookie: the service accepts that in a URL, where every access log stores it.
    Secret maintenance_cookie{};
    std::string cohort_key = "oa-stream-smoke"; ///< for route evaluations
    /// Stores answers, with secrets masked: called with a file name
    /// ("control.session.current.body") and its bytes; returns the path written, relative to the
    /// run folder. Unset: nothing is kept.
    std::function<std::string(const std::string& name, std::string_view bytes)> keep{};
    std::function<void(const Check&)> on_check{}; ///< called after each check
};

/// Every run reports each of them exactly once, in this order.
[[nodiscard]] std::span<const SmokeRule> control_rules() noexcept;

/// Runs every check once. Changes nothing at the target: the requests read, obtain a short-lived
/// sync token, or must be refused. Redirects are never followed and always count as faults. A
/// target that cannot be reached is ERROR; data.outcome is "unauthorised" when the token was
/// refused. Never throws.
[[nodiscard]] Task<std::vector<Check>>
smoke_control(net::HttpClient& client, ControlSmokeOptions options);

} // namespace oa_stream::probe
