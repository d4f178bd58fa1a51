// The checks of smoke completions and smoke responses, and the requests that they are made of.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "completions_run.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {

namespace {

// clang-format off
constexpr std::array k_rules{
    SmokeRule{"models", true, "GET /v1/models lists the model"},
    SmokeRule{"whole.first", true, "a whole answer is complete and follows the contract"},
    SmokeRule{"whole.second", true, "so is the next one"},
    SmokeRule{"whole.shape", true, "both have the same shape"},
    SmokeRule{"stream.contract", true, "a stream follows the contract, from its first event to its last"},
    SmokeRule{"stream.frames", false, "a frame is one line of data and a blank one, with line feeds"},
    SmokeRule{"stream.incremental", false, "content arrives while it is being made"},
    SmokeRule{"usage", false, "both kinds of answer report the counts, and the same ones for the same prompt"},
    SmokeRule{"models.one", true, "GET /v1/models/{id} is that model; another one is 404 model_not_found"},
    SmokeRule{"model.name", true, "answers name the model that was asked for"},
    SmokeRule{"model.unknown", true, "a model that is not there is 404 model_not_found"},
    SmokeRule{"ids", true, "each answer has an id of its own and was created now"},
    SmokeRule{"text", true, "a text arrives as it is, whole and streamed"},
    SmokeRule{"methods", true, "another method is 405 with Allow, another path 404"},
    SmokeRule{"preflight", false, "OPTIONS needs no key and names the method; errors can be read where answers can"},
    SmokeRule{"reject.parameter", true, "an unsupported parameter is a 400 that names it"},
    SmokeRule{"reject.body", true, "a body that is wrong is a 400 that names the place"},
    SmokeRule{"reject.type", true, "a body that is not sent as JSON is 415"},
    SmokeRule{"reject.stream", true, "what is wrong is a status, also where a stream was asked for"},
    SmokeRule{"neutral", true, "parameters that ask for nothing are accepted"},
    SmokeRule{"spellings", true, "other spellings of one request are accepted: parts, roles, charset, scheme"},
    SmokeRule{"large", false, "a body of 1 MiB is read"},
    SmokeRule{"ignored", false, "parameters without effect are named in x-ignored-params"},
    SmokeRule{"unknown", true, "an unknown parameter is ignored, or refused by its name"},
    SmokeRule{"honoured", false, "an effort and a schema are taken, or refused by name"},
    SmokeRule{"wire", false, "HEAD has no body, connections are kept, 100-continue is answered, 1 GiB is 413, chunks are read, HTTP/1.0 gets none"},
    SmokeRule{"auth.missing-key", false, "a missing or wrong key is 401 invalid_api_key before any other check"},
    SmokeRule{"conc-headers", false, "x-conc-limit and x-conc-active are counts"},
    SmokeRule{"conc-count", false, "two turns at once count as two, and a client that leaves gives its place back"},
    SmokeRule{"tools", false, "a function that must be called is called, or tools are refused by name"},
    SmokeRule{"tools.result", false, "its result is taken"},
    SmokeRule{"stop", false, "stop ends the text before the sequence, or is refused by name"},
    SmokeRule{"json", false, "a JSON object that is demanded is one, or an error"},
    SmokeRule{"stored", false, "a response can be read, continued by its id, and deleted"},
    SmokeRule{"turns.text", false, "made-up turns: every character arrives"},
    SmokeRule{"turns.end", false, "made-up turns: complete, cut, early and empty ends are distinguished"},
    SmokeRule{"turns.failed", false, "made-up turns: a failure is an error, without the provider's words"},
    SmokeRule{"turns.refused", false, "made-up turns: one that never began is answered with a status, also when streamed"},
    SmokeRule{"turns.usage", false, "made-up turns: counts are the model's, or none"},
    SmokeRule{"turns.early", false, "made-up turns: a stream begins before its first word"},
    SmokeRule{"turns.quiet", false, "made-up turns: a comment comes at least every 15 s while a stream says nothing"},
    SmokeRule{"turns.told", false, "made-up turns: all messages reach the model"},
    SmokeRule{"turns.left", false, "made-up turns: a client that leaves interrupts its turn"},
    SmokeRule{"turns.limit", false, "made-up turns: at the limit 429, and every slot is released"},
    SmokeRule{"request-id", true, "every answer has a fresh x-request-id"},
    SmokeRule{"edge.shape", false, "target and origin give answers of the same shape"},
    SmokeRule{"edge.timings", false, "the target holds nothing back that the origin sends"},
};
// clang-format on

} // namespace

std::span<const SmokeRule> completions_rules() noexcept {
    return k_rules;
}

Task<net::ClientResponse> send(RunPtr run, Sent sent) {
    Target target = run->options.target;
    if (sent.anonymous || !sent.authorization.empty()) {
        target.bearer = Secret();
    }
    auto request = target_request(target, sent.method, sent.path, run->options.limits);
    if (!sent.authorization.empty()) {
        request.headers.set("authorization", sent.authorization);
    }
    request.fresh_connection = true;
    request.max_body = 1U << 20U;
    for (const auto& [name, value] : sent.more.all()) {
        request.headers.set(name, value);
    }
    if (!sent.body.empty() || sent.method == "POST") {
        request.headers.set("content-type", sent.type);
        request.body = std::move(sent.body);
    }
    auto answer = co_await run->client->fetch(std::move(request));
    run->note_request_id(answer);
    run->note_wait(answer.status, answer.headers);
    co_return answer;
}

void Run::note_request_id(const net::ClientResponse& answer) {
    if (answer.status == 0) {
        return;
    }
    const std::string id(answer.headers.get("x-request-id").value_or(""));
    if (id.empty() && request_id_fault.empty()) {
        request_id_fault =
            fmt::format("x-request-id is missing on an answer with {}", answer.status);
    } else if (!id.empty() && !request_ids.insert(id).second && request_id_fault.empty()) {
        request_id_fault = fmt::format("two answers have the x-request-id {}", printable(id, 60));
    }
}

bool Run::compares_answers(std::string_view name) {
    for (const auto* answer : {&first, &second, &stream}) {
        if (answer->response.status != 200) {
            skip(name, "an answer was refused");
            return false;
        }
    }
    return true;
}

Task<net::ClientResponse> post(RunPtr run, Json body) {
    co_return co_await send(run, {"POST", run->path(), dump_json(body)});
}

Json body_of(const Run& run, bool streamed) {
    return body_of(run, run.prompt, streamed);
}

Json body_of(const Run& run, std::string_view prompt, bool streamed) {
    Json body = Json::object({{"model", run.model}});
    if (run.responses()) {
        body["input"] = prompt;
        body["store"] = false; // it is never requested again
    } else {
        Json message = Json::object({{"role", "user"}, {"content", prompt}});
        body["messages"] = Json::array({std::move(message)});
    }
    if (streamed) {
        body["stream"] = true;
        if (!run.responses()) {
            body["stream_options"] = Json::object({{"include_usage", true}});
        }
    }
    return body;
}

Json scenario_body(const Run& run, std::string_view scenario, bool streamed) {
    return body_of(run, fmt::format("scenario:{}", scenario), streamed);
}

namespace {

Task<Completion> ask_once(RunPtr run, Json body, ProbeLimits limits) {
    const auto& options = run->options;
    auto answer =
        co_await ask_completion(run->client, options.target, std::move(body), limits, options.api);
    run->note_request_id(answer.response);
    co_return answer;
}

/// For an answer that client libraries retry: the turn of a client that left occupies its place
/// until it has ended.
std::optional<Millis> pause_after(const Completion& answer) {
    constexpr Millis k_patience{5'000};
    const auto pause = asked_to_wait(answer.response.status, answer.response.headers);
    const bool full = answer.error_code == "concurrency_exceeded";
    return full && pause <= k_patience ? pause : std::nullopt;
}

} // namespace

Task<Completion> play(RunPtr run, std::string scenario, bool streamed) {
    auto body = scenario_body(*run, scenario, streamed);
    auto answer = co_await ask_once(run, std::move(body), run->options.limits);
    run->note_wait(answer.response.status, answer.response.headers);
    co_return answer;
}

Task<Completion> ask(RunPtr run, Json body, std::optional<ProbeLimits> limits) {
    const auto within = limits.value_or(run->options.limits);
    auto answer = co_await ask_once(run, body, within);
    for (auto pause = pause_after(answer); pause && run->retries > 0; pause = pause_after(answer)) {
        --run->retries;
        (void)co_await sleep_for(*pause);
        answer = co_await ask_once(run, body, within);
    }
    run->note_wait(answer.response.status, answer.response.headers);
    co_return answer;
}

namespace {

/// The codes of the contract for 400.
constexpr std::array<std::string_view, 10> k_codes{
    "invalid_json",
    "missing_required_parameter",
    "invalid_type",
    "invalid_value",
    "unsupported_parameter",
    "unsupported_value",
    "unknown_parameter",
    "previous_response_not_found",
    "item_not_found",
    "context_length_exceeded",
};

bool fits(std::string_view code_seen, std::string_view want) {
    return want.ends_with('*') ? code_seen.starts_with(want.substr(0, want.size() - 1))
                               : code_seen == want;
}

bool shows_insides(std::string_view message) {
    return message.contains("\n") || message.contains("Traceback") || message.contains("<html");
}

} // namespace

std::string error_fault(const net::ClientResponse& response) {
    const int status = response.status;
    const auto body = parse_json(response.body);
    const Json* error = body ? member(*body, "error") : nullptr;
    if (error == nullptr || !error->is_object()) {
        return fmt::format("{} without an error object", status);
    }
    const auto message = text_view_in(*error, "message");
    const Json* param = member(*error, "param");
    if (message.empty() || param == nullptr || (!param->is_null() && !param->is_string()) ||
        text_view_in(*error, "code").empty()) {
        return fmt::format("{}: the error lacks message, param or code", status);
    }
    const auto want = wire::completions::error_type_of(status);
    if (const auto type = text_view_in(*error, "type"); type != want) {
        return fmt::format("{}: expected type {}, saw {}", status, want, printable(type, 60));
    }
    if (shows_insides(message)) {
        return fmt::format("{}: the message shows insides: {}", status, printable(message, 80));
    }
    if (!has_media_type(response.headers, "application/json")) {
        return fmt::format("{} that is not application/json", status);
    }
    if (response.headers.get("x-request-id").value_or("").empty()) {
        return fmt::format("{} without x-request-id", status);
    }
    return {};
}

std::string refusal_fault(
    const net::ClientResponse& response, int status, std::string_view code, std::string_view param
) {
    const auto body = parse_json(response.body);
    const Json* error = body ? member(*body, "error") : nullptr;
    const auto code_seen = error == nullptr ? std::string() : text_in(*error, "code");
    if (response.status != status) {
        return fmt::format(
            "expected {}, saw {}{}{}",
            status,
            response.status,
            code_seen.empty() ? "" : " ",
            printable(code_seen, 60)
        );
    }
    if (auto wrong = error_fault(response); !wrong.empty()) {
        return wrong;
    }
    const bool known = contains(k_codes, code_seen);
    if (code.empty() ? status == 400 && !known : !fits(code_seen, code)) {
        return fmt::format("{}: expected code {}, saw {}", status, code, printable(code_seen, 60));
    }
    if (!param.empty() && !fits(text_view_in(*error, "param"), param)) {
        return fmt::format(
            "{}: expected param {}, saw {}", status, param, printable(text_in(*error, "param"), 60)
        );
    }
    if (iequals(response.headers.get("x-should-retry").value_or(""), "false")) {
        return fmt::format("{} before any turn says x-should-retry: false", status);
    }
    return {};
}

} // namespace oa_stream::probe
