// Models, methods, errors, headers and keys.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace oa_stream::probe {

namespace {

constexpr std::string_view k_nobody = "no-such-model-of-oa-stream";

/// Its first character as %XX: a server that does not decode does not know it.
std::string in_percents(std::string_view model) {
    return fmt::format("%{:02X}{}", static_cast<unsigned char>(model.front()), model.substr(1));
}

Task<void> check_one_model(RunPtr run) {
    const auto one = co_await send(run, {"GET", "/v1/models/" + in_percents(run->model)});
    const auto body = parse_json(one.body);
    std::string wrong;
    if (one.status != 200 || !body || text_view_in(*body, "id") != run->model ||
        text_view_in(*body, "object") != "model" || !int_member(*body, "created")) {
        wrong = fmt::format("{}: not the model {}", one.status, run->model);
    } else {
        const auto other = co_await send(run, {"GET", fmt::format("/v1/models/{}", k_nobody)});
        wrong = refusal_fault(other, 404, "model_not_found");
    }
    run->judge("models.one", wrong, "the model, and 404 for another");
}

void check_names(Run& run) {
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
    auto body = body_of(*run, false);
    body["model"] = k_nobody;
    const auto answer =
        co_await send(run, {"POST", std::string(path_of(run->options.api)), dump_json(body)});
    run->judge("model.unknown", refusal_fault(answer, 404, "model_not_found", "model"), "404");
}

void check_ids(Run& run) {
    constexpr std::int64_t k_day = 86'400; // clocks may differ
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::string wrong;
    if (run.first.id == run.second.id || run.second.id == run.stream.id || run.first.id.empty()) {
        wrong = fmt::format("two answers have the id {}", printable(run.first.id, 60));
    }
    for (const auto* answer : {&run.first, &run.second}) {
        const auto body = parse_json(answer->response.body);
        const auto made =
            body ? int_member(*body, run.responses() ? "created_at" : "created") : std::nullopt;
        if (wrong.empty() && (!made || std::abs(*made - now) > k_day)) {
            wrong = fmt::format("created at {}, now is {}", made.value_or(0), now);
        }
    }
    run.judge("ids", wrong, "each its own, made now");
}

void check_request_ids(Run& run) {
    const auto id = [](const Completion& answer) {
        return answer.response.headers.get("x-request-id").value_or("");
    };
    const bool missing = id(run.first).empty() || id(run.second).empty() || id(run.stream).empty();
    const bool same = id(run.first) == id(run.second) || id(run.second) == id(run.stream);
    run.judge(
        "request-id",
        missing ? "x-request-id is missing"
        : same  ? fmt::format("two answers have the x-request-id {}", printable(id(run.first), 60))
                : std::string(),
        "each its own"
    );
}

void check_conc(Run& run) {
    std::string wrong;
    for (const auto* answer : {&run.first, &run.stream}) {
        const auto count = [&](std::string_view name) {
            return parse_count(answer->response.headers.get(name).value_or(""), 1, 1'000'000);
        };
        const auto limit = count("x-conc-limit");
        const auto active = count("x-conc-active");
        if (wrong.empty() && (!limit || !active || *active > *limit)) {
            wrong = "x-conc-limit and x-conc-active are no counts, or more run than may";
        }
    }
    run.judge("conc-headers", wrong, "counts");
}

Task<void> check_methods(RunPtr run) {
    const std::string path(path_of(run->options.api));
    const auto put = co_await send(run, {"PUT", path, "{}"});
    auto wrong = refusal_fault(put, 405, "method_not_allowed");
    if (wrong.empty() && !put.headers.get("allow").value_or("").contains("POST")) {
        wrong = "405 whose Allow has no POST";
    }
    if (wrong.empty()) {
        wrong = refusal_fault(co_await send(run, {"GET", "/v1/no/such/path"}), 404, "not_found");
    }
    if (wrong.empty()) {
        const auto head = co_await send(run, {"HEAD", "/v1/models"});
        wrong = head.status != 200 ? fmt::format("HEAD /v1/models is {}", head.status) : "";
    }
    run->judge("methods", wrong, "405 with Allow, 404");
}

Task<void> check_preflight(RunPtr run) {
    std::string wrong;
    for (const std::string_view path :
         {path_of(run->options.api), std::string_view("/v1/models")}) {
        Sent sent{"OPTIONS", std::string(path)};
        sent.anonymous = true;
        const auto answer = co_await send(run, std::move(sent));
        if (wrong.empty() && answer.status != 200 && answer.status != 204) {
            wrong = fmt::format("OPTIONS {} without a key is {}", path, answer.status);
        }
    }
    run->judge("preflight", wrong, "answered without a key");
}

/// What a body is changed to, and what must be refused of it.
struct BadBody {
    std::string_view api; ///< c completions, r responses; both: cr
    std::string_view member;
    std::string_view value; ///< JSON; empty: the member is left out
    std::string_view code;
    std::string_view param;
};
constexpr std::array k_unsupported{
    BadBody{"c", "n", "2", "unsupported_value", "n"},
    BadBody{"c", "logprobs", "true", "unsupported_parameter", "logprobs"},
    BadBody{"c", "logit_bias", R"({"5":1})", "unsupported_parameter", "logit_bias"},
    BadBody{"c", "functions", R"([{"name":"f"}])", "unsupported_parameter", "functions"},
    BadBody{"c", "modalities", R"(["text","audio"])", "unsupported_value", "modalities"},
    BadBody{"r", "background", "true", "unsupported_parameter", "background"},
    BadBody{"r", "conversation", R"("conv_1")", "unsupported_parameter", "conversation"},
    BadBody{"r", "truncation", R"("auto")", "unsupported_value", "truncation"},
    BadBody{"r", "messages", "[]", "unknown_parameter", "messages"},
    BadBody{"cr", "tools", R"([{"type":"web_search"}])", "", ""},
};
constexpr std::array k_bad{
    BadBody{"cr", "model", "", "missing_required_parameter", "model"},
    BadBody{"cr", "model", "5", "invalid_type", "model"},
    BadBody{"c", "messages", "", "missing_required_parameter", "messages"},
    BadBody{"c", "messages", "[]", "invalid_value", "messages"},
    BadBody{"c", "messages", R"([{"role":"poet","content":"x"}])", "", "messages[0].role"},
    BadBody{
        "c",
        "messages",
        R"([{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}])",
        "unsupported_value",
        "messages[0].content[0].type"
    },
    BadBody{
        "c",
        "messages",
        R"([{"role":"tool","content":"x"}])",
        "missing_required_parameter",
        "messages[0].tool_call_id"
    },
    BadBody{"c", "stream_options", R"({"include_usage":true})", "", "stream_options"},
    BadBody{"c", "max_tokens", "0", "invalid_value", "max_tokens"},
    BadBody{"c", "response_format", R"({"type":"json_schema"})", "", ""},
    BadBody{"c", "reasoning_effort", R"("colossal")", "invalid_value", "reasoning_effort"},
    BadBody{"r", "input", "", "missing_required_parameter", "input"},
    BadBody{"r", "input", R"([{"role":"poet","content":"x"}])", "", "input[0].role"},
    BadBody{
        "r",
        "input",
        R"([{"role":"user","content":[{"type":"input_file","file_id":"f"}]}])",
        "unsupported_value",
        "input[0].content[0].type"
    },
    BadBody{
        "r",
        "previous_response_id",
        R"("resp_0")",
        "previous_response_not_found",
        "previous_response_id"
    },
    BadBody{"r", "max_output_tokens", "0", "invalid_value", "max_output_tokens"},
    BadBody{"r", "reasoning", R"({"effort":"colossal"})", "invalid_value", "reasoning.effort"},
    BadBody{"cr", "stream", R"("yes")", "invalid_type", "stream"},
    BadBody{"cr", "temperature", "7", "invalid_value", "temperature"},
};

/// The first of the rows that is not refused as it says.
Task<std::string> first_accepted(RunPtr run, std::span<const BadBody> rows, bool streamed) {
    const std::string path(path_of(run->options.api));
    for (const auto& row : rows) {
        if (!row.api.contains(run->responses() ? 'r' : 'c')) {
            continue;
        }
        auto body = body_of(*run, streamed);
        const std::string name(row.member);
        if (row.value.empty()) {
            body.erase(name);
        } else if (const auto value = parse_json(row.value)) {
            body[name] = *value;
        }
        const auto answer = co_await send(run, {"POST", path, dump_json(body)});
        if (auto wrong = refusal_fault(answer, 400, row.code, row.param); !wrong.empty()) {
            co_return fmt::format("{} {}: {}", row.member, row.value, wrong);
        }
    }
    co_return std::string();
}

Task<void> check_bodies(RunPtr run) {
    const std::string path(path_of(run->options.api));
    const auto unsupported = co_await first_accepted(run, k_unsupported, false);
    run->judge("reject.parameter", unsupported, "400 with its name");
    auto wrong =
        refusal_fault(co_await send(run, {"POST", path, "{\"model\":"}), 400, "invalid_json");
    if (wrong.empty()) {
        wrong = refusal_fault(co_await send(run, {"POST", path, "[]"}), 400, "invalid_json");
    }
    if (wrong.empty()) {
        wrong = co_await first_accepted(run, k_bad, false);
    }
    run->judge("reject.body", wrong, "400 with the place");
    const auto plain =
        co_await send(run, {"POST", path, dump_json(body_of(*run, false)), "text/plain"});
    run->judge("reject.type", refusal_fault(plain, 415), "415");
    const auto streamed = std::span(k_bad).last(1);
    run->judge("reject.stream", co_await first_accepted(run, streamed, true), "400 as JSON");
}

Task<void> check_neutral(RunPtr run) {
    auto body = body_of(*run, false);
    const bool responses = run->responses();
    const auto asks_nothing = parse_json(
        responses
            ? R"({"tools":[],"temperature":1,"background":false,"metadata":{},"store":false})"
            : R"({"n":1,"stop":null,"tools":[],"logit_bias":{},"logprobs":false,"temperature":1,
                       "top_p":1,"stream":null,"user":"u","metadata":{},"no_such_field":1})"
    );
    body.update(*asks_nothing);
    const auto answer = co_await ask(run, body);
    const auto named = answer.response.headers.get("x-ignored-params").value_or("");
    run->judge(
        "neutral",
        answer.wrong().empty() && !named.empty() ? fmt::format("{} is named as ignored", named)
                                                 : answer.wrong(),
        "answered"
    );
    body["temperature"] = 0.2;
    const auto warm = co_await ask(run, body);
    const auto ignored = warm.response.headers.get("x-ignored-params").value_or("");
    run->judge(
        "ignored",
        !warm.wrong().empty()             ? warm.wrong()
        : ignored.contains("temperature") ? std::string()
                                          : "temperature is not named in x-ignored-params",
        std::string(ignored)
    );
}

/// The prompt as parts behind a developer's message.
Json spelt_otherwise(const Run& run) {
    auto body = body_of(run, false);
    Json developer = Json::object({{"role", "developer"}, {"content", "Be brief."}});
    Json part = Json::object({{"type", run.responses() ? "input_text" : "text"}});
    part["text"] = run.prompt;
    Json user = Json::object({{"role", "user"}});
    user["content"] = Json::array({std::move(part)});
    body[run.responses() ? "input" : "messages"] =
        Json::array({std::move(developer), std::move(user)});
    return body;
}

Task<void> check_spellings(RunPtr run) {
    const std::string path(path_of(run->options.api));
    Sent sent{"POST", path, dump_json(spelt_otherwise(*run)), "application/json; charset=utf-8"};
    if (const auto& key = run->options.target.bearer; !key.empty()) {
        sent.authorization = fmt::format("bearer {}", key.reveal());
    }
    const auto answer = co_await send(run, std::move(sent));
    std::string wrong =
        answer.status == 200
            ? std::string()
            : fmt::format(
                  "parts, a developer's message, a charset and the scheme in lower case are {}",
                  answer.status
              );
    if (wrong.empty()) {
        auto body = body_of(*run, true);
        body.erase("stream_options");
        const auto stream = co_await ask(run, std::move(body));
        wrong = stream.wrong();
        if (wrong.empty() && !run->responses() && stream.usage) {
            wrong = "a stream tells usage that nobody asked for";
        }
    }
    run->judge("spellings", wrong, "answered");
}

/// Refused for something else, so it costs no turn.
Task<void> check_large(RunPtr run) {
    auto body = body_of(*run, false);
    body["user"] = std::string(std::size_t{1} << 20U, 'u');
    body["temperature"] = 7;
    const auto answer =
        co_await send(run, {"POST", std::string(path_of(run->options.api)), dump_json(body)});
    run->judge("large", refusal_fault(answer, 400, {}, "temperature"), "read, and refused by name");
}

Task<void> check_auth(RunPtr run) {
    if (run->options.target.bearer.empty()) {
        run->report("auth.missing-key", Verdict::skipped, "no key was given");
        co_return;
    }
    Sent sent{"POST", std::string(path_of(run->options.api)), dump_json(body_of(*run, false))};
    std::string wrong;
    for (const std::string_view key : {"", "Bearer wrong-key-of-oa-stream", "Basic b2E6b2E="}) {
        sent.anonymous = key.empty();
        sent.authorization = key;
        const auto answer = co_await send(run, sent);
        if (wrong.empty()) {
            wrong = refusal_fault(answer, 401, "invalid_api_key");
        }
        if (wrong.empty() && !answer.headers.has("www-authenticate")) {
            wrong = "401 without WWW-Authenticate";
        }
    }
    run->judge("auth.missing-key", wrong, "401");
}

} // namespace

Task<void> check_manners(RunPtr run) {
    co_await check_one_model(run);
    check_names(*run);
    co_await check_unknown_model(run);
    check_ids(*run);
    check_request_ids(*run);
    check_conc(*run);
    co_await check_methods(run);
    co_await check_preflight(run);
    co_await check_bodies(run);
    co_await check_neutral(run);
    co_await check_spellings(run);
    co_await check_large(run);
    co_await check_auth(run);
}

} // namespace oa_stream::probe
