// Models and API keys.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {

namespace {

constexpr std::string_view k_nobody = "no-such-model-of-oa-stream";

/// Encodes the first character as %XX: a server that does not decode will not find the model.
std::string in_percents(std::string_view model) {
    const auto first = static_cast<unsigned char>(model.front());
    return fmt::format("%{:02X}{}", first, percent_encode(model.substr(1)));
}

/// Invalid keys; "" means no header at all.
std::vector<std::string> wrong_keys(const Secret& key) {
    const std::string good(key.reveal());
    return {
        "",
        "Bearer wrong-key-of-oa-stream",
        "Bearer " + good + "x",
        "Bearer " + good.substr(0, good.size() - 1),
        "Basic " + good,
        good,
    };
}

Task<std::string> auth_fault(RunPtr run) {
    const std::string path = run->path();
    const auto fault = [](const net::ClientResponse& answer) {
        auto wrong = refusal_fault(answer, 401, "invalid_api_key");
        return !wrong.empty() || answer.headers.has("www-authenticate")
                   ? wrong
                   : std::string("401 without WWW-Authenticate");
    };
    for (const auto& key : wrong_keys(run->options.target.bearer)) {
        Sent sent{"POST", path, dump_json(body_of(*run, false))};
        sent.anonymous = key.empty();
        sent.authorization = key;
        if (auto wrong = fault(co_await send(run, std::move(sent))); !wrong.empty()) {
            co_return wrong;
        }
    }
    for (Sent sent : {Sent{"POST", path, "{\"model\":"}, Sent{"GET", "/v1/models"}}) {
        sent.anonymous = true;
        const auto what = fmt::format("{} {} without a key: ", sent.method, sent.path);
        if (auto wrong = fault(co_await send(run, std::move(sent))); !wrong.empty()) {
            co_return what + wrong;
        }
    }
    co_return std::string();
}

} // namespace

std::string model_fault(const Json& model) {
    const auto made = int_member(model, "created");
    if (text_view_in(model, "id").empty() || text_view_in(model, "object") != "model" || !made ||
        *made < 0 || *made >= wire::k_seconds_end || !string_member(model, "owned_by")) {
        return fmt::format(
            "the model {} lacks id, object, created (seconds) or owned_by",
            printable(text_in(model, "id"), 60)
        );
    }
    return {};
}

Task<void> check_one_model(RunPtr run) {
    const auto one = co_await send(run, {"GET", "/v1/models/" + in_percents(run->model)});
    const auto body = parse_json(one.body);
    std::string wrong;
    if (one.status != 200 || !body || text_view_in(*body, "id") != run->model) {
        wrong = fmt::format("{}: not the model {}", one.status, run->model);
    } else if (wrong = model_fault(*body); wrong.empty()) {
        const auto other = co_await send(run, {"GET", fmt::format("/v1/models/{}", k_nobody)});
        wrong = refusal_fault(other, 404, "model_not_found");
    }
    run->judge("models.one", wrong, "the model, and 404 for another");
}

void check_model_names(Run& run) {
    if (!run.compares_answers("model.name")) {
        return;
    }
    std::string wrong;
    for (const auto* answer : {&run.first, &run.second, &run.stream}) {
        if (wrong.empty() && answer->model != run.model) {
            wrong =
                fmt::format("asked {}, answered by {}", run.model, printable(answer->model, 60));
        }
    }
    run.judge("model.name", wrong, run.model);
}

Task<void> check_unknown_model(RunPtr run) {
    std::string wrong;
    for (const bool streamed : {false, true}) {
        auto body = body_of(*run, streamed);
        body["model"] = k_nobody;
        const auto answer = co_await post(run, std::move(body));
        if (wrong.empty()) {
            wrong = refusal_fault(answer, 404, "model_not_found", "model");
        }
    }
    run->judge("model.unknown", wrong, "404");
}

Task<void> check_auth(RunPtr run) {
    if (run->options.target.bearer.empty()) {
        run->skip("auth.missing-key", "no key was given");
        co_return;
    }
    run->judge("auth.missing-key", co_await auth_fault(run), "401");
}

} // namespace oa_stream::probe
