// Checks that the service answers and refuses anonymous requests.
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"

#include "control_run.hpp"
#include "smoke/smoke_run.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

// clang-format off
constexpr std::array k_ready{
    MemberShape{"status", Shape::text},
    MemberShape{"static_dir", Shape::text},
};
constexpr std::array k_health{
    MemberShape{"status", Shape::text},
    MemberShape{"service", Shape::text},
    MemberShape{"version", Shape::text},
    MemberShape{"uptime_seconds", Shape::number},
    MemberShape{"auth_provider", Shape::text},
};
constexpr std::array k_openapi{MemberShape{"", Shape::object}};
// clang-format on

/// "status: expected "ready", saw "starting"".
std::string wrong_word(const Answer& answer, std::string_view wanted) {
    const Json* word = member(answer.tree(), "status");
    return *word == wanted ? std::string()
                           : fmt::format("status: expected \"{}\", saw {}", wanted, kind_of(word));
}

Task<void> ready(ControlRunPtr run) {
    const Answer answer =
        co_await ControlRun::ask(run, "reach.readyz", {.path = "/readyz", .as = As::anyone});
    const std::string elsewhere =
        answer.status() == 404 ? base_path_advice(run->options.target.base_url) : "";
    run->unreachable = is_unreachable(answer.response) || !elsewhere.empty();
    std::string wrong = answer.wrong(200, k_ready);
    if (wrong.empty()) {
        wrong = wrong_word(answer, "ready");
    }
    wrong += elsewhere;
    wrong += net::reach_advice(answer.response);
    run->judge("reach.readyz", answer, std::move(wrong), "HTTP 200, ready");
}

Task<void> healthy(ControlRunPtr run) {
    const Question what{.path = "/healthz", .as = As::anyone};
    if (run->left_out("reach.healthz", what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, "reach.healthz", what);
    if (answer.status() == 404 && run->options.profile == ControlProfile::shell_serving) {
        run->not_applicable("reach.healthz", "HTTP 404: the edge keeps /healthz for itself");
        co_return;
    }
    std::string wrong = answer.wrong(200, k_health);
    if (wrong.empty()) {
        wrong = wrong_word(answer, "ok");
    }
    run->judge("reach.healthz", answer, std::move(wrong), "HTTP 200, ok");
}

Task<void> described(ControlRunPtr run) {
    constexpr std::string_view k_name = "reach.openapi";
    Question what{.path = "/openapi.json", .as = As::anyone};
    if (run->left_out(k_name, what)) {
        co_return;
    }
    Answer answer = co_await ControlRun::ask(run, std::string(k_name), what);
    if (answer.status() == 404) {
        run->not_applicable(k_name, "HTTP 404: no description is served here");
        co_return;
    }
    std::string wrong = answer.wrong(200, k_openapi);
    const std::string tag(answer.header("etag"));
    if (wrong.empty() && tag.empty()) {
        wrong = "etag: expected one, saw none";
    }
    if (wrong.empty()) {
        what.if_none_match = tag;
        what.suffix = "-again";
        answer = co_await ControlRun::ask(run, std::string(k_name), what);
        wrong = answer.wrong(304);
    }
    run->judge(k_name, answer, std::move(wrong), "HTTP 200, then 304 for its ETag");
}

struct Closed {
    std::string_view name;
    std::string_view method;
    std::string_view path;
    As as;
};
// clang-format off
constexpr std::array k_closed{
    Closed{"anonymous.control-status", "GET", "/api/v1/control/status", As::anyone},
    Closed{"anonymous.route-split", "GET", "/api/v1/control/route-split/status", As::anyone},
    Closed{"anonymous.evaluate", "POST", "/api/v1/control/route-split/evaluate", As::anyone},
    Closed{"anonymous.session", "GET", "/api/auth/session", As::anyone},
    Closed{"anonymous.session-v1", "GET", "/api/v1/auth/session", As::anyone},
    Closed{"anonymous.sync-token", "POST", "/api/sync/token", As::anyone},
    Closed{"anonymous.bad-token", "GET", "/api/v1/control/status", As::stranger},
};
// clang-format on

Json body_for(std::string_view path) {
    return path.ends_with("/evaluate")
               ? Json{{"path", "/login"}}
               : Json{{"scopes", Json::array({"runtime.codex_worker_events"})}};
}

/// The later generation announces its sunset on every control answer.
void learn_layout(ControlRun& run, const Answer& answer) {
    if (run.layout != ControlLayout::detect || answer.status() == 0) {
        return;
    }
    const bool sunset = answer.response.headers.has("sunset") ||
                        answer.response.headers.has("x-oa-compat-sunset-date");
    run.layout = sunset ? ControlLayout::spacetime : ControlLayout::khala;
}

Task<void> closed(ControlRunPtr run, const Closed* door) {
    Question what{
        .method = door->method,
        .path = std::string(door->path),
        .as = door->as,
    };
    if (door->method == "POST") {
        what.body = body_for(door->path);
    }
    if (run->left_out(door->name, what)) {
        co_return;
    }
    const Answer answer = co_await ControlRun::ask(run, std::string(door->name), what);
    learn_layout(*run, answer);
    run->judge(
        door->name, answer, answer.wrong_refusal(401, "unauthorized"), "HTTP 401 unauthorized"
    );
}

} // namespace

Task<void> control_reach(ControlRunPtr run) {
    co_await ready(run);
    co_await healthy(run);
    co_await described(run);
}

Task<void> control_anonymous(ControlRunPtr run) {
    for (const Closed& door : k_closed) {
        co_await closed(run, &door);
    }
}

} // namespace oa_stream::probe
