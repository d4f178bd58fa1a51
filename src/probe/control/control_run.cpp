#include "control_run.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "smoke/smoke_run.hpp"
#include "stream/describe.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {
namespace {

constexpr std::size_t k_beginning = 64U << 10U; ///< bytes kept of a body that did not end

bool reads(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

constexpr std::array<std::string_view, 5> k_secret_members{
    "token", "access_token", "refresh_token", "accessToken", "refreshToken"
};

/// Tokens that the target issues are as secret as the one we use.
void learn_secrets(Redactor& redactor, const Json& json) {
    if (json.is_array()) {
        for (const Json& item : json) {
            learn_secrets(redactor, item);
        }
    }
    if (!json.is_object()) {
        return;
    }
    for (const auto& [key, value] : json.items()) {
        if (value.is_string() && contains(k_secret_members, key)) {
            redactor.add_known(Secret(value.get<std::string>()));
        } else {
            learn_secrets(redactor, value);
        }
    }
}

net::ClientRequest request_of(const ControlRun& run, const Question& what) {
    Target target = run.options.target;
    if (what.as == As::anyone) {
        target.bearer = Secret();
    } else if (what.as == As::stranger) {
        target.bearer = Secret("oasmoke-" + random_hex(16));
    }
    if (!what.compat) {
        target.compat.reset();
    }
    net::ClientRequest request = target_request(target, what.method, what.path, run.options.limits);
    request.headers.set("accept", "application/json, */*");
    if (!what.if_none_match.empty()) {
        request.headers.set("if-none-match", what.if_none_match);
    }
    if (what.body) {
        request.headers.set("content-type", "application/json");
        request.body = dump_json(*what.body);
    }
    if (!run.options.maintenance_cookie.empty()) {
        const auto given = request.headers.get("cookie"); // set by the way to the target
        request.headers.set(
            "cookie",
            fmt::format(
                "{}{}oa_maintenance_bypass={}",
                given.value_or(""),
                given ? "; " : "",
                run.options.maintenance_cookie.reveal()
            )
        );
    }
    request.max_body = what.max_body;
    request.fresh_connection = true;
    return request;
}

/// Why an answer with the right status is incomplete.
std::string not_whole(const Answer& answer) {
    const auto failure = answer.response.failure;
    return failure == net::TransferFailure::none
               ? std::string()
               : fmt::format("expected a whole answer, saw {}", net::to_string(failure));
}

std::string_view outcome_of(const Answer& answer, bool good) {
    if (answer.status() == 0 || answer.response.failure != net::TransferFailure::none) {
        return net::to_string(answer.response.failure);
    }
    if (good) {
        return "ok";
    }
    switch (answer.status() / 100) {
    case 2:
        return "wrong_answer";
    case 3:
        return "redirect";
    default:
        break;
    }
    return refuses_credential(answer.status()) ? k_unauthorised
           : answer.status() == 426            ? "compat_rejected"
                                               : "http_status";
}

/// The file of the body. For a body that did not end in time its beginning suffices: otherwise a
/// target with endless answers fills the run's folder with 4 MiB per check.
std::string
keep_body(const ControlRun& run, const std::string& stem, const net::ClientResponse& response) {
    const std::string body = run.secrets.apply(response.body);
    const bool whole = response.failure == net::TransferFailure::none || body.size() <= k_beginning;
    return whole ? run.options.keep(stem + ".body", body)
                 : run.options.keep(stem + ".beginning.body", body.substr(0, k_beginning));
}

void put(Json& out, const char* name, double seconds) {
    out[name] = seconds < 0 ? Json(nullptr) : Json(seconds);
}

} // namespace

const Json& Answer::tree() const noexcept {
    static const Json k_none;
    return json ? *json : k_none;
}

std::string Answer::seen() const {
    if (status() == 503 && has_media_type(response.headers, "text/html")) {
        return "HTTP 503 with a page: maintenance mode (--maintenance-cookie lets through)";
    }
    return probe::seen(response);
}

std::string Answer::wrong(int expected, std::span<const MemberShape> members) const {
    if (status() != expected) {
        return fmt::format("expected HTTP {}, saw {}", expected, seen());
    }
    if (std::string cut = not_whole(*this); !cut.empty()) {
        return cut;
    }
    if (members.empty()) {
        return {};
    }
    if (!has_media_type(response.headers, "application/json")) {
        return fmt::format(
            "expected application/json, saw {}",
            printable(
                header("content-type").empty() ? "no content-type" : header("content-type"), 80
            )
        );
    }
    if (!json) {
        return "expected JSON, saw " + printable(response.body, 60);
    }
    return shape_error(*json, members);
}

std::string Answer::wrong_refusal(int expected, std::string_view code) const {
    if (status() != expected) {
        return fmt::format("expected HTTP {} {}, saw {}", expected, code, seen());
    }
    return judge_refusal(response, expected, code);
}

Json Answer::facts() const {
    Json out = {{"method", method}, {"path", path}, {"status", status()}};
    out["code"] = envelope_code(response.body);
    out["attempts"] = attempts;
    put(out, "connect_s", response.timings.connected_s);
    put(out, "headers_s", response.timings.head_s);
    put(out, "end_s", response.timings.end_s);
    out["bytes"] = response.body.size();
    out["request_id"] = std::string(header("x-request-id"));
    if (!revision.empty()) {
        out["revision"] = revision;
    }
    return out;
}

namespace {

/// No answer came, or it fell silent, or it did not end.
bool out_of_time(const Answer& answer) {
    using enum net::TransferFailure;
    const auto failure = answer.response.failure;
    return answer.status() == 0 || failure == idle_timeout || failure == total_timeout;
}

} // namespace

Task<Answer> ControlRun::ask(ControlRunPtr run, std::string name, Question what) {
    Answer answer;
    answer.method = what.method;
    answer.path = what.path;
    answer.response = co_await run->client->fetch(request_of(*run, what));
    const bool broke =
        answer.status() == 0 && answer.response.failure == net::TransferFailure::reset;
    if (broke && reads(what.method)) {
        answer.attempts = 2;
        answer.response = co_await run->client->fetch(request_of(*run, what));
    }
    answer.revision = answer.header(run->options.target.revision_header);
    run->silent = out_of_time(answer) ? run->silent + 1 : 0;
    if (auto json = parse_json(answer.response.body)) {
        answer.json = *std::move(json);
        learn_secrets(run->secrets, *answer.json);
    }
    if (run->options.keep && answer.status() != 0) {
        const std::string stem = run->options.id_prefix + "." + name + std::string(what.suffix);
        auto& paths = run->kept[name];
        paths.push_back(
            run->options.keep(stem + ".head", run->secrets.apply(answer.response.raw_head))
        );
        if (what.keep_body && !answer.response.body.empty()) {
            paths.push_back(keep_body(*run, stem, answer.response));
        }
    }
    co_return answer;
}

void ControlRun::judge(
    std::string_view name, const Answer& answer, std::string wrong, std::string good
) {
    if (wrong.empty()) {
        wrong = not_whole(answer);
    }
    Json data = answer.facts();
    data["outcome"] = std::string(outcome_of(answer, wrong.empty()));
    constexpr int k_limited = 429; // a rate-limited request shows nothing
    if (answer.status() == k_limited && !wrong.empty()) {
        wrong.insert(0, "the service limits our requests: ");
    }
    const Verdict verdict = wrong.empty() ? Verdict::pass
                            : is_unreachable(answer.response) || answer.status() == k_limited
                                ? Verdict::error
                                : Verdict::fail;
    std::string detail = wrong.empty() ? std::move(good) : std::move(wrong);
    if (answer.attempts > 1) {
        detail += " (asked twice: the first connection broke)";
    }
    report(name, verdict, std::move(detail), std::move(data));
}

void ControlRun::refused_token(std::string_view name, const Answer& answer) {
    token_refused = true;
    Json data = answer.facts();
    data["outcome"] = k_unauthorised;
    report(name, Verdict::error, "the target refused the token: " + answer.seen(), std::move(data));
}

bool ControlRun::left_out(std::string_view name, const Question& what) {
    if (given_up()) {
        return true; // the rest is skipped together, with the reason
    }
    const bool as_user = what.as == As::user;
    const bool unasked = !options.probes && what.method != "GET";
    const bool no_token = !unasked && as_user && !with_token();
    const std::string why = unasked                    ? "only GETs were asked for"
                            : no_token                 ? "no token was given (--auth)"
                            : as_user && token_refused ? "the target refused the token"
                            : what.writes && !options.writes
                                ? "a dry run asks for nothing to be made"
                                : "";
    if (!why.empty()) {
        skip(name, why, no_token ? Json{{"outcome", k_no_token}} : Json::object());
    }
    return !why.empty();
}

} // namespace oa_stream::probe
