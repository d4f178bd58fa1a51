// Parameters and messages: those that must be refused by name, those without a request, and those
// that have no effect but are named as ignored.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_bad_bodies.hpp"
#include "completions_run.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {

namespace {

using Rows = std::span<const BadBody>;

/// The first row that is not refused as expected.
Task<std::string> first_accepted(RunPtr run, Rows rows, bool streamed) {
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
        const auto answer = co_await post(run, std::move(body));
        if (auto wrong = refusal_fault(answer, 400, row.code, row.param); !wrong.empty()) {
            co_return fmt::format("{} {}: {}", row.member, row.value, wrong);
        }
    }
    co_return std::string();
}

Task<std::string> broken_body_fault(RunPtr run) {
    for (const std::string body : {"{\"model\":", "[]", "null", "hello", ""}) {
        const auto answer = co_await send(run, {"POST", run->path(), body});
        if (auto wrong = refusal_fault(answer, 400, "invalid_json"); !wrong.empty()) {
            co_return fmt::format("the body '{}': {}", body, wrong);
        }
    }
    co_return std::string();
}

Task<void> check_refusals(RunPtr run) {
    const auto unsupported = co_await first_accepted(run, unsupported_bodies(), false);
    run->judge("reject.parameter", unsupported, "400 with its name");
    auto wrong = co_await broken_body_fault(run);
    if (wrong.empty()) {
        wrong = co_await first_accepted(run, bad_bodies(), false);
    }
    run->judge("reject.body", wrong, "400 with the place");
    std::string type_fault;
    for (const std::string type : {"text/plain", "application/x-www-form-urlencoded"}) {
        const auto answer =
            co_await send(run, {"POST", run->path(), dump_json(body_of(*run, false)), type});
        if (type_fault.empty()) {
            type_fault = refusal_fault(answer, 415, "unsupported_media_type");
        }
    }
    run->judge("reject.type", type_fault, "415");
    auto streamed = co_await first_accepted(run, bad_bodies().last(1), true);
    if (streamed.empty()) {
        streamed = co_await first_accepted(run, unsupported_bodies().first(1), true);
    }
    run->judge("reject.stream", streamed, "400 as JSON");
}

constexpr std::string_view k_asks_nothing =
    R"({"n":1,"stop":null,"tools":[],"logit_bias":{},"logprobs":false,"temperature":1,"top_p":1,
        "presence_penalty":0,"frequency_penalty":0,"seed":null,"max_tokens":null,"store":false,
        "response_format":{"type":"text"},"modalities":["text"],"service_tier":"auto","stream":null,
        "user":"u","metadata":{}})";
constexpr std::string_view k_asks_nothing_of_responses =
    R"({"tools":[],"temperature":1,"top_p":1,"background":false,"metadata":{},"store":false,
        "service_tier":"auto","text":{"format":{"type":"text"}},"stream":false})";
constexpr std::string_view k_no_effect =
    R"({"temperature":0.2,"top_p":0.5,"seed":7,"max_tokens":4000,"presence_penalty":0.5,
        "frequency_penalty":0.5})";
constexpr std::string_view k_no_effect_of_responses =
    R"({"temperature":0.2,"top_p":0.5,"max_output_tokens":4000})";

std::string named(const Completion& answer) {
    return std::string(answer.response.headers.get("x-ignored-params").value_or(""));
}

Task<void> check_neutral(RunPtr run) {
    auto body = body_of(*run, false);
    body.update(*parse_json(run->responses() ? k_asks_nothing_of_responses : k_asks_nothing));
    const auto answer = co_await ask(run, std::move(body));
    std::string wrong = answer.wrong();
    if (const auto ignored = named(answer); wrong.empty() && !ignored.empty()) {
        wrong = fmt::format("{} is named as ignored", printable(ignored, 120));
    }
    run->judge("neutral", wrong, "answered");
}

Task<std::string> unnamed(RunPtr run, bool streamed) {
    const auto asked = parse_json(run->responses() ? k_no_effect_of_responses : k_no_effect);
    auto body = body_of(*run, streamed);
    body.update(*asked);
    const auto answer = co_await ask(run, std::move(body));
    if (auto wrong = answer.wrong(); !wrong.empty()) {
        co_return wrong;
    }
    const auto ignored = named(answer);
    for (const auto& [name, value] : asked->items()) {
        if (!lists_word(ignored, name)) {
            co_return fmt::format(
                "{} is not named in x-ignored-params{}", name, streamed ? " of a stream" : ""
            );
        }
    }
    co_return std::string();
}

Task<void> check_ignored(RunPtr run) {
    auto wrong = co_await unnamed(run, false);
    if (wrong.empty()) {
        wrong = co_await unnamed(run, true);
    }
    run->judge("ignored", wrong, "each by its name");
}

/// An unknown parameter may be ignored, or refused by its name.
Task<void> check_unknown(RunPtr run) {
    constexpr std::string_view k_name = "no_such_field";
    auto body = body_of(*run, false);
    body[std::string(k_name)] = 1;
    const auto answer = co_await ask(run, std::move(body));
    const bool refused = answer.response.status == 400;
    run->judge(
        "unknown",
        refused ? refusal_fault(answer.response, 400, {}, k_name) : answer.wrong(),
        refused ? "refused by its name" : "passed over"
    );
}

/// Parameters that a server must apply or refuse, such as effort or schema: if they are named as
/// ignored they are lost.
Task<void> check_honoured(RunPtr run) {
    const bool responses = run->responses();
    const auto effort = parse_json(
        responses ? R"({"reasoning":{"effort":"medium"}})" : R"({"reasoning_effort":"medium"})"
    );
    const auto schema = parse_json(
        responses
            ? R"({"text":{"format":{"type":"json_schema","name":"a","strict":true,"schema":{
                  "type":"object","properties":{"a":{"type":"string"}},"required":["a"],
                  "additionalProperties":false}}}})"
            : R"({"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,
                  "schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],
                  "additionalProperties":false}}}})"
    );
    std::string wrong;
    for (const auto& more : {effort, schema}) {
        auto body = body_of(*run, false);
        body.update(*more);
        const auto answer = co_await ask(run, std::move(body));
        const auto name = more->items().begin().key();
        if (answer.response.status == 400) { // a model without efforts or formats
            wrong = wrong.empty()
                        ? refusal_fault(answer.response, 400, {}, fmt::format("{}*", name))
                        : wrong;
        } else if (wrong.empty()) {
            wrong = answer.wrong();
        }
        if (wrong.empty() && !named(answer).empty()) {
            wrong = fmt::format("{} is named as ignored", printable(named(answer), 60));
        }
    }
    run->judge("honoured", wrong, "an effort and a schema are taken, or refused by name");
}

/// The prompt as parts, after a developer's message if `instructed`.
Json spelt_otherwise(const Run& run, bool instructed) {
    auto body = body_of(run, false);
    Json part = Json::object({{"type", run.responses() ? "input_text" : "text"}});
    part["text"] = run.prompt;
    Json user = Json::object({{"role", "user"}});
    user["content"] = Json::array({std::move(part)});
    Json conversation = Json::array();
    if (instructed) {
        conversation.push_back({{"role", "developer"}, {"content", "Be brief."}});
    }
    conversation.push_back(std::move(user));
    body[run.responses() ? "input" : "messages"] = std::move(conversation);
    return body;
}

/// Usage without a request for it: without stream_options, and with options that decline it.
Task<std::string> unasked_usage(RunPtr run) {
    for (const std::string_view options : {"", "{}", R"({"include_usage":false})"}) {
        auto body = body_of(*run, true);
        body.erase("stream_options");
        if (!options.empty() && !run->responses()) {
            body["stream_options"] = *parse_json(options);
        } else if (!options.empty()) {
            break;
        }
        const auto stream = co_await ask(run, std::move(body));
        if (auto wrong = stream.wrong(); !wrong.empty()) {
            co_return wrong;
        }
        if (!run->responses() && stream.usage) {
            co_return fmt::format("a stream reports usage with stream_options '{}'", options);
        }
    }
    co_return std::string();
}

Task<net::ClientResponse> send_spelt_otherwise(RunPtr run, bool instructed) {
    auto body = dump_json(spelt_otherwise(*run, instructed));
    Sent sent{"POST", run->path(), std::move(body), "application/json; charset=utf-8"};
    if (const auto& key = run->options.target.bearer; !key.empty()) {
        sent.authorization = fmt::format("bearer {}", key.reveal());
    }
    co_return co_await send(run, std::move(sent));
}

Task<void> check_spellings(RunPtr run) {
    auto answer = co_await send_spelt_otherwise(run, true);
    const auto place = fmt::format("{}[0]*", run->responses() ? "input" : "messages");
    const bool instructed = !refusal_fault(answer, 400, "unsupported_value", place).empty();
    if (!instructed) { // a model without instructions
        answer = co_await send_spelt_otherwise(run, false);
    }
    auto wrong = answer.status == 200
                     ? co_await unasked_usage(run)
                     : fmt::format(
                           "parts, {}a charset and the scheme in lower case are {}",
                           instructed ? "a developer's message, " : "",
                           answer.status
                       );
    run->judge(
        "spellings", wrong, instructed ? "answered" : "answered; instructions are refused by name"
    );
}

/// Refused for another reason, so it costs no turn.
Task<void> check_large(RunPtr run) {
    auto body = body_of(*run, false);
    body["user"] = std::string(std::size_t{1} << 20U, 'u');
    body["temperature"] = 7;
    const auto answer = co_await post(run, std::move(body));
    run->judge("large", refusal_fault(answer, 400, {}, "temperature"), "read, and refused by name");
}

} // namespace

Task<void> check_bodies(RunPtr run) {
    co_await check_refusals(run);
    co_await check_neutral(run);
    co_await check_spellings(run);
    co_await check_large(run);
    co_await check_ignored(run);
    co_await check_unknown(run);
    co_await check_honoured(run);
}

} // namespace oa_stream::probe
