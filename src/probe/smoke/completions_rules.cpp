// The checks of smoke completions and smoke responses, and the requests that they are made of.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_run.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {

namespace {

// clang-format off
constexpr std::array k_rules{
    CompletionsRule{"models", true, "GET /v1/models lists the model"},
    CompletionsRule{"whole.first", true, "a whole answer is complete and as the contract says"},
    CompletionsRule{"whole.second", true, "so is the next one"},
    CompletionsRule{"whole.shape", true, "both have the same shape"},
    CompletionsRule{"stream.contract", true, "a stream is as the contract says, from its first event to its last"},
    CompletionsRule{"stream.incremental", false, "content arrives while it is being made"},
    CompletionsRule{"usage", false, "both kinds of answer tell the counts, and the same ones for the same prompt"},
    CompletionsRule{"models.one", true, "GET /v1/models/{id} is that model; another one is 404 model_not_found"},
    CompletionsRule{"model.name", true, "answers name the model that was asked for"},
    CompletionsRule{"model.unknown", true, "a model that is not there is 404 model_not_found"},
    CompletionsRule{"ids", true, "each answer has an id of its own and was created now"},
    CompletionsRule{"request-id", true, "every answer has a fresh x-request-id"},
    CompletionsRule{"conc-headers", false, "x-conc-limit and x-conc-active are counts"},
    CompletionsRule{"methods", true, "another method is 405 with Allow, another path 404, HEAD has no body"},
    CompletionsRule{"preflight", false, "OPTIONS needs no key"},
    CompletionsRule{"reject.parameter", true, "an unsupported parameter is a 400 that names it"},
    CompletionsRule{"reject.body", true, "a body that is wrong is a 400 that names the place"},
    CompletionsRule{"reject.type", true, "a body that is not sent as JSON is 415"},
    CompletionsRule{"reject.stream", true, "what is wrong is a status, also where a stream was asked for"},
    CompletionsRule{"neutral", true, "parameters that ask for nothing are accepted"},
    CompletionsRule{"spellings", true, "other spellings of one request are accepted: parts, roles, charset, scheme"},
    CompletionsRule{"large", false, "a body of 1 MiB is read"},
    CompletionsRule{"ignored", false, "a parameter without effect is named in x-ignored-params"},
    CompletionsRule{"tools", false, "a function that must be called is called, or tools are refused by name"},
    CompletionsRule{"tools.result", false, "its result is taken"},
    CompletionsRule{"stop", false, "stop ends the text before the sequence, or is refused by name"},
    CompletionsRule{"json", false, "a JSON object that is demanded is one, or an error"},
    CompletionsRule{"stored", false, "a response is read again, goes on by its id, and is deleted"},
    CompletionsRule{"auth.missing-key", false, "no key, or a wrong one, is 401 invalid_api_key"},
    CompletionsRule{"edge.shape", false, "target and origin give answers of the same shape"},
    CompletionsRule{"edge.timings", false, "the target holds nothing back that the origin sends"},
};
// clang-format on

} // namespace

std::span<const CompletionsRule> completions_rules() noexcept {
    return k_rules;
}

Task<net::ClientResponse> send(RunPtr run, Sent sent) {
    Target target = run->options.target;
    target.compat.reset();
    if (sent.anonymous || !sent.authorization.empty()) {
        target.bearer = Secret();
    }
    auto request = target_request(target, sent.method, sent.path);
    if (!sent.authorization.empty()) {
        request.headers.set("authorization", sent.authorization);
    }
    apply_limits(request, run->options.limits);
    request.fresh_connection = true;
    request.max_body = 1U << 20U;
    if (!sent.body.empty()) {
        request.headers.set("content-type", sent.type);
        request.body = std::move(sent.body);
    }
    co_return co_await run->client->fetch(std::move(request));
}

Json body_of(const Run& run, bool streamed) {
    Json body = Json::object({{"model", run.model}});
    if (run.responses()) {
        body["input"] = run.prompt;
    } else {
        Json message = Json::object({{"role", "user"}, {"content", run.prompt}});
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

Task<Completion> ask(RunPtr run, Json body) {
    const auto& options = run->options;
    return ask_completion(
        run->client, options.target, std::move(body), options.limits, options.api
    );
}

std::string refusal_fault(
    const net::ClientResponse& response, int status, std::string_view code, std::string_view param
) {
    const auto body = parse_json(response.body);
    const Json* error = body ? member(*body, "error") : nullptr;
    const auto said = error == nullptr ? std::string() : text_in(*error, "code");
    if (response.status != status) {
        return fmt::format("expected {}, saw {} {}", status, response.status, printable(said, 60));
    }
    if (error == nullptr || !error->is_object()) {
        return fmt::format("{} without an error object", status);
    }
    if (text_view_in(*error, "message").empty() || text_view_in(*error, "type").empty() ||
        member(*error, "param") == nullptr) {
        return fmt::format("{}: the error lacks message, type or param", status);
    }
    if (!code.empty() && said != code) {
        return fmt::format("{}: expected code {}, saw {}", status, code, printable(said, 60));
    }
    if (!param.empty() && text_view_in(*error, "param") != param) {
        return fmt::format(
            "{}: expected param {}, saw {}", status, param, printable(text_in(*error, "param"), 60)
        );
    }
    if (!response.headers.get("content-type").value_or("").starts_with("application/json")) {
        return fmt::format("{} that is no application/json", status);
    }
    if (response.headers.get("x-request-id").value_or("").empty()) {
        return fmt::format("{} without x-request-id", status);
    }
    return {};
}

} // namespace oa_stream::probe
