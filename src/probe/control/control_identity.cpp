// Checks the token's session, and what the service issues and decides for it.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "control_run.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

constexpr std::string_view k_scope = "runtime.codex_worker_events";
// The service itself refuses values outside this range.
constexpr std::int64_t k_shortest_s = 60;
constexpr std::int64_t k_longest_s = 900;

// clang-format off
constexpr std::array k_session{
    MemberShape{"data.session.sessionId", Shape::text},
    MemberShape{"data.session.userId", Shape::text},
    MemberShape{"data.session.email", Shape::maybe_text},
    MemberShape{"data.session.deviceId", Shape::maybe_text},
    MemberShape{"data.session.status", Shape::text},
    MemberShape{"data.session.tokenName", Shape::maybe_text},
    MemberShape{"data.session.issuedAt", Shape::present},
    MemberShape{"data.session.accessExpiresAt", Shape::present},
    MemberShape{"data.session.activeOrgId", Shape::maybe_text},
    MemberShape{"data.session.reauthRequired", Shape::boolean},
    MemberShape{"data.session.revokedReason", Shape::maybe_text},
    MemberShape{"data.user.id", Shape::text},
    MemberShape{"data.user.email", Shape::maybe_text},
    MemberShape{"data.user.name", Shape::maybe_text},
    MemberShape{"data.user.workosId", Shape::maybe_text},
    MemberShape{"data.memberships", Shape::list},
};
constexpr std::array k_token{
    MemberShape{"data.token", Shape::text},
    MemberShape{"data.token_type", Shape::text},
    MemberShape{"data.expires_in", Shape::whole},
    MemberShape{"data.issued_at", Shape::present},
    MemberShape{"data.expires_at", Shape::present},
    MemberShape{"data.issuer", Shape::text},
    MemberShape{"data.audience", Shape::text},
    MemberShape{"data.subject", Shape::text},
    MemberShape{"data.org_id", Shape::maybe_text},
    MemberShape{"data.claims_version", Shape::present},
    MemberShape{"data.scopes", Shape::list},
    MemberShape{"data.granted_topics", Shape::list},
    MemberShape{"data.kid", Shape::text},
    MemberShape{"data.token_id", Shape::text},
    MemberShape{"data.session_id", Shape::maybe_text},
    MemberShape{"data.device_id", Shape::maybe_text},
};
constexpr std::array k_topic{
    MemberShape{"topic", Shape::text},
    MemberShape{"required_scope", Shape::text},
};
constexpr std::array k_policy{MemberShape{"data", Shape::object}};
// clang-format on

std::string wrong_session(const Json& json) {
    if (*at_path(json, "data.session.reauthRequired") == true) {
        return "data.session.reauthRequired: expected false, saw true";
    }
    const Json* revoked = at_path(json, "data.session.revokedAt");
    if (revoked != nullptr && !revoked->is_null()) {
        return "data.session.revokedAt: expected null, saw " + kind_of(revoked);
    }
    return {};
}

Task<void> session(ControlRunPtr run, std::string name, std::string path) {
    const Question what{.path = std::move(path)};
    if (run->left_out(name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, name, what);
    std::string wrong = answer.wrong(200, k_session);
    if (wrong.empty()) {
        wrong = wrong_session(answer.tree());
        const auto id = at_path(answer.tree(), "data.session.sessionId")->get<std::string>();
        if (wrong.empty() && !run->session.empty() && run->session != id) {
            wrong = "data.session.sessionId: expected that of /api/auth/session, saw another";
        }
        run->session = run->session.empty() ? id : run->session;
    }
    run->judge(name, answer, std::move(wrong), "HTTP 200 with session, user and memberships");
}

Json scopes(std::string_view scope) {
    return {{"scopes", Json::array({scope})}};
}

std::string wrong_token(const Json& json) {
    const Json& data = json.at("data");
    if (string_member(data, "token_type") != "Bearer") {
        return "data.token_type: expected \"Bearer\", saw " + kind_of(member(data, "token_type"));
    }
    const std::int64_t life = int_member(data, "expires_in").value_or(0);
    if (life < k_shortest_s || life > k_longest_s) {
        return fmt::format(
            "data.expires_in: expected {} to {}, saw {}", k_shortest_s, k_longest_s, life
        );
    }
    const Json& granted = *member(data, "scopes");
    if (!contains(granted, Json(k_scope))) {
        return fmt::format(
            "data.scopes: expected {} among them, saw {}", k_scope, dump_json(granted)
        );
    }
    for (const Json& topic : *member(data, "granted_topics")) {
        if (std::string wrong = shape_error(topic, k_topic, "data.granted_topics[].");
            !wrong.empty()) {
            return wrong;
        }
    }
    return {};
}

Question minting(std::string path) {
    return {.method = "POST", .path = std::move(path), .body = scopes(k_scope), .writes = true};
}

Task<void> mint(ControlRunPtr run, std::string name, std::string path) {
    const Question what = minting(std::move(path));
    if (run->left_out(name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, name, what);
    std::string wrong = answer.wrong(200, k_token);
    if (wrong.empty()) {
        wrong = wrong_token(answer.tree());
    }
    if (answer.status() == 404 && name == "sync.token-v1") {
        wrong += " (no sunset headers: taken for the khala layout; --layout spacetime expects 404)";
    }
    run->judge(name, answer, std::move(wrong), "HTTP 200, a short-lived token of the scope");
}

Task<void> removed(ControlRunPtr run, std::string name, std::string path) {
    const Question what = minting(std::move(path));
    if (run->left_out(name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, name, what);
    run->judge(name, answer, answer.wrong(404), "HTTP 404: removed, as it must be");
}

Task<void> unknown_scope(ControlRunPtr run) {
    const Question what{
        .method = "POST", .path = "/api/sync/token", .body = scopes("oasmoke.no_such_scope")
    };
    if (run->left_out("sync.unknown-scope", what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, "sync.unknown-scope", what);
    run->judge(
        "sync.unknown-scope",
        answer,
        answer.wrong_refusal(422, "invalid_scope"),
        "HTTP 422 invalid_scope"
    );
}

Task<void> authorize(ControlRunPtr run) {
    constexpr std::string_view k_name = "policy.authorize";
    Question what{.method = "POST", .path = "/api/policy/authorize", .writes = true};
    what.body = Json{
        {"required_scopes", Json::array({"runtime.read"})}, {"requested_topics", Json::array()}
    };
    if (run->left_out(k_name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, std::string(k_name), what);
    if (answer.status() == 404) {
        run->not_applicable(k_name, "HTTP 404: no policy is decided here");
        co_return;
    }
    std::string wrong = answer.wrong(200, k_policy);
    std::string good = "HTTP 200 with a decision";
    const Json* allowed = wrong.empty() ? at_path(answer.tree(), "data.allowed") : nullptr;
    if (allowed != nullptr && !allowed->is_boolean()) {
        wrong = "data.allowed: expected true or false, saw " + kind_of(allowed);
    } else if (allowed != nullptr) {
        good = fmt::format("runtime.read is {}", *allowed == true ? "allowed" : "denied");
    }
    run->judge(k_name, answer, std::move(wrong), std::move(good));
}

/// Login requests that cannot have any effect: no mail is sent.
Task<void> entry(ControlRunPtr run, std::string name, std::string path, Json body) {
    const Question what{
        .method = "POST",
        .path = std::move(path),
        .as = As::anyone,
        .body = std::move(body),
        .writes = true,
    };
    if (run->left_out(name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, name, what);
    if (answer.status() == 404) {
        run->not_applicable(name, "HTTP 404: no login by mail here");
        co_return;
    }
    const int expected = answer.status() == 401 ? 401 : 422;
    run->judge(
        name, answer, answer.wrong_refusal(expected, ""), answer.seen() + ", and nothing was sent"
    );
}

} // namespace

Task<void> control_session(ControlRunPtr run) {
    co_await session(run, "session.current", "/api/auth/session");
    co_await session(run, "session.v1", "/api/v1/auth/session");
}

Task<void> control_sync_token(ControlRunPtr run) {
    co_await mint(run, "sync.token", "/api/sync/token");
    co_await unknown_scope(run);
    if (run->layout == ControlLayout::spacetime) {
        co_await removed(run, "sync.token-v1", "/api/v1/sync/token");
        co_await removed(run, "sync.token-spacetime", "/api/spacetime/token");
        co_return;
    }
    co_await mint(run, "sync.token-v1", "/api/v1/sync/token");
    if (!run->given_up()) {
        run->not_applicable("sync.token-spacetime", "this layout never had it");
    }
}

Task<void> control_entry(ControlRunPtr run) {
    co_await authorize(run);
    co_await entry(run, "auth.email", "/api/auth/email", {{"email", ""}});
    co_await entry(run, "auth.verify", "/api/auth/verify", {{"code", ""}});
}

} // namespace oa_stream::probe
