#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/control_smoke.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::probe {
namespace {

// clang-format off
constexpr std::array k_rules{
    SmokeRule{"reach.readyz", true, "GET /readyz is 200 and says ready"},
    SmokeRule{"reach.healthz", true, "GET /healthz is 200 and says ok"},
    SmokeRule{"reach.openapi", false, "GET /openapi.json is a description with an ETag that is honoured"},
    SmokeRule{"anonymous.control-status", true, "the control status is 401 without a token"},
    SmokeRule{"anonymous.route-split", true, "the route split's status is 401 without a token"},
    SmokeRule{"anonymous.evaluate", true, "a route evaluation is 401 without a token"},
    SmokeRule{"anonymous.session", true, "GET /api/auth/session is 401 without a token"},
    SmokeRule{"anonymous.session-v1", true, "GET /api/v1/auth/session is 401 without a token"},
    SmokeRule{"anonymous.sync-token", true, "POST /api/sync/token is 401 without a token"},
    SmokeRule{"anonymous.bad-token", true, "the control status is 401 with a wrong token"},
    SmokeRule{"status", true, "GET /api/v1/control/status is 200 with all its members"},
    SmokeRule{"compat.missing", false, "missing compat headers are 426 with the window, where they are enforced"},
    SmokeRule{"route-split.status", true, "the route split's status is 200 with all its members"},
    SmokeRule{"route-split.evaluate.login", true, "/login is evaluated as the status shows"},
    SmokeRule{"route-split.evaluate.onboarding", true, "/onboarding/checklist is evaluated as the status shows"},
    SmokeRule{"route-split.evaluate.l402", true, "/l402/paywalls is evaluated as the status shows"},
    SmokeRule{"session.current", true, "GET /api/auth/session is 200 and names session and user"},
    SmokeRule{"session.v1", true, "GET /api/v1/auth/session is 200 and names the same session"},
    SmokeRule{"sync.token", true, "POST /api/sync/token mints a short-lived token of the asked scope"},
    SmokeRule{"sync.unknown-scope", true, "an unknown scope is 422 invalid_scope"},
    SmokeRule{"sync.token-v1", true, "POST /api/v1/sync/token mints, or is 404 where it was removed"},
    SmokeRule{"sync.token-spacetime", true, "POST /api/spacetime/token is 404 where it was removed"},
    SmokeRule{"policy.authorize", false, "POST /api/policy/authorize answers whether a scope is allowed"},
    SmokeRule{"auth.email", false, "a login mail to no address is refused"},
    SmokeRule{"auth.verify", false, "a login with no code is refused"},
    SmokeRule{"shell.manifest", true, "GET /manifest.json is the web shell's manifest and names its scripts"},
    SmokeRule{"shell.manifest-cache", true, "the manifest is never cached"},
    SmokeRule{"shell.manifest-head", true, "HEAD of the manifest answers like GET"},
    SmokeRule{"shell.worker", true, "GET /sw.js is a script"},
    SmokeRule{"shell.worker-cache", true, "the service worker is never cached"},
    SmokeRule{"shell.worker-head", true, "HEAD of the service worker answers like GET"},
    SmokeRule{"shell.assets", true, "every script that the manifest names is there"},
    SmokeRule{"shell.assets-cache", true, "hashed scripts are cached for ever, others for a time"},
    SmokeRule{"shell.assets-head", true, "HEAD of each script answers like GET"},
};
// clang-format on

std::unexpected<Error> no_such(std::string_view what, std::string_view text, auto words) {
    constexpr std::size_t k_shown = 40;
    return fail(
        Code::usage,
        fmt::format("'{}' is not a valid {}", printable(text, k_shown), what),
        {},
        fmt::format("{}", fmt::join(words, ", "))
    );
}

} // namespace

std::span<const SmokeRule> control_rules() noexcept {
    return k_rules;
}

std::string_view to_string(ControlProfile profile) noexcept {
    return word_at(k_control_profile_words, profile);
}

Result<ControlProfile> parse_control_profile(std::string_view text) {
    const auto found = enum_value<ControlProfile>(k_control_profile_words, text);
    return found ? Result<ControlProfile>(*found)
                 : no_such("profile of a control smoke", text, k_control_profile_words);
}

} // namespace oa_stream::probe
