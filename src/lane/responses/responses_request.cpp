#include "responses_request.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include "completions/completions_tools.hpp"
#include "completions/conversation.hpp"
#include "completions/param_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

bool is_disabled(const Json& value) {
    return asks_nothing(value) || value == "disabled";
}

constexpr std::array k_refused{
    RefusedRow{"tools", asks_nothing, "unsupported_parameter", true},
    RefusedRow{"tool_choice", is_free_choice, "unsupported_parameter", true},
    RefusedRow{"background", asks_nothing},
    RefusedRow{"conversation", asks_nothing},
    RefusedRow{"context_management", asks_nothing},
    RefusedRow{"max_tool_calls", asks_nothing},
    RefusedRow{"moderation", asks_nothing},
    RefusedRow{"prompt", asks_nothing},
    RefusedRow{"top_logprobs", is_no_count},
    RefusedRow{"truncation", is_disabled, "unsupported_value"},
};
constexpr std::array k_numbers{
    NumberRow{"temperature", 0, 2, 1},
    NumberRow{"top_p", 0, 1, 1},
};
constexpr std::array k_words{WordRow{"service_tier", k_tiers, 2}};
constexpr std::array k_text_words{WordRow{"verbosity", k_verbosities, 1}};
constexpr std::array<std::string_view, 3> k_summaries{"auto", "concise", "detailed"};

/// The members that are honoured, or accepted without effect.
constexpr std::array<std::string_view, 21> k_known{
    "model",
    "input",
    "instructions",
    "previous_response_id",
    "stream",
    "stream_options",
    "store",
    "parallel_tool_calls",
    "max_output_tokens",
    "reasoning",
    "text",
    "metadata",
    "include",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "client_metadata",
    "worker_id",
    "workerId"
};

Rejection unknown_parameter(std::string_view name) {
    return bad_param(
        "unknown_parameter",
        printable(name, 60),
        fmt::format("'{}' is not a parameter of /v1/responses", printable(name, 60))
    );
}

Accepted<void> refuse_unknown(const Json& body) {
    for (const auto& [name, value] : body.items()) {
        const auto is = [&](const auto& row) { return row.name == name; };
        if (!contains(k_known, name) && std::ranges::none_of(k_refused, is) &&
            std::ranges::none_of(k_numbers, is) && std::ranges::none_of(k_words, is)) {
            return unknown_parameter(name);
        }
    }
    return {};
}

Accepted<void> read_text(const Json& body, std::string_view name, std::string& out) {
    const auto* value = given(body, name);
    if (value != nullptr && !value->is_string()) {
        return bad("invalid_type", name, "a string");
    }
    out = value == nullptr ? std::string() : value->get<std::string>();
    return {};
}

/// Members that Codex cannot use.
Accepted<void> read_other_reasoning(const Json& reasoning, CompletionsRequest& out) {
    for (const auto& [name, value] : reasoning.items()) {
        const bool usual = value == (name == "mode" ? "standard" : "auto");
        if (name == "context" || name == "mode") {
            if (!usual && !asks_nothing(value)) {
                out.ignored.add("reasoning." + name);
            }
        } else if (name != "effort" && name != "summary" && name != "generate_summary") {
            return unknown_parameter("reasoning." + name);
        }
    }
    return {};
}

/// {"effort","summary"}; "generate_summary" is the older name of the latter.
Accepted<void>
read_reasoning(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    OA_TRY(const auto reasoning, object_in(body, "reasoning"));
    Json echo = Json::object({{"effort", nullptr}, {"summary", nullptr}});
    if (reasoning != nullptr) {
        const auto* effort = given(*reasoning, "effort");
        OA_CHECK(read_effort(effort, "reasoning.effort", context.efforts, out));
        OA_CHECK(read_other_reasoning(*reasoning, out));
        const bool old = given(*reasoning, "summary") == nullptr;
        const auto* summary = given(*reasoning, old ? "generate_summary" : "summary");
        if (summary != nullptr) {
            out.summary = summary->is_string() ? summary->get<std::string>() : "";
            if (!contains(k_summaries, out.summary)) {
                return bad("invalid_value", "reasoning.summary", "auto, concise or detailed");
            }
            out.responses->summaries = true;
            echo["summary"] = out.summary;
        }
        if (!out.effort.empty()) {
            echo["effort"] = out.effort;
        }
        if (!context.tools && !out.summary.empty()) { // only Codex supports it
            out.ignored.add("reasoning.summary");
        }
    }
    out.responses->echo["reasoning"] = std::move(echo);
    return {};
}

Accepted<void>
read_format(const Json& format, const CompletionsContext& context, CompletionsRequest& out) {
    const auto type = text_in(format, "type");
    OA_CHECK(takes_format(context, type, "text.format.type"));
    if (type == "json_schema") {
        return read_schema(format, "text.format.schema", out);
    }
    if (type != "text" && type != "json_object") {
        return bad("invalid_value", "text.format.type", "text, json_schema or json_object");
    }
    out.demands.json_object = type == "json_object";
    return {};
}

/// {"format","verbosity"}
Accepted<void>
read_text_config(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    OA_TRY(const auto text, object_in(body, "text"));
    Json echo = Json::object();
    echo["format"]["type"] = "text";
    if (text != nullptr) {
        if (const auto* format = given(*text, "format")) {
            OA_CHECK(read_format(*format, context, out));
            echo["format"] = *format;
        }
        for (const auto& [name, value] : text->items()) {
            if (name != "format" && name != "verbosity") {
                return unknown_parameter("text." + name);
            }
        }
        OA_CHECK(read_words(*text, k_text_words, out.ignored, "text."));
    }
    out.responses->echo["text"] = std::move(echo);
    return {};
}

/// Reads up to 16 texts, which the response repeats.
Accepted<void> read_metadata(const Json& body, ResponsesAsk& out) {
    // The API's own limits.
    constexpr std::size_t k_most = 16;
    constexpr std::size_t k_name_chars = 64;
    constexpr std::size_t k_text_chars = 512;
    OA_TRY(const auto metadata, object_in(body, "metadata"));
    auto& echo = out.echo["metadata"];
    echo = Json::object();
    if (metadata == nullptr) {
        return {};
    }
    if (metadata->size() > k_most) {
        return bad("invalid_value", "metadata", fmt::format("at most {} texts", k_most));
    }
    for (const auto& [name, value] : metadata->items()) {
        const auto* text = value.get_ptr<const std::string*>();
        if (text == nullptr) {
            return bad("invalid_type", "metadata." + printable(name, 60), "a string");
        }
        if (code_points(name) > k_name_chars || code_points(*text) > k_text_chars) {
            return bad(
                "invalid_value",
                "metadata." + printable(name, 60),
                fmt::format(
                    "a name of at most {} characters with a text of at most {}",
                    k_name_chars,
                    k_text_chars
                )
            );
        }
    }
    echo = *metadata;
    return {};
}

Accepted<void> read_include(const Json& body, CompletionsRequest& out) {
    const auto* include = given(body, "include");
    if (include == nullptr) {
        return {};
    }
    if (!include->is_array()) {
        return bad("invalid_type", "include", "an array");
    }
    for (std::size_t i = 0; i < include->size(); ++i) {
        const auto& one = (*include)[i];
        const auto* text = one.get_ptr<const std::string*>();
        OA_CHECK(check_included(fmt::format("include[{}]", i), text != nullptr ? *text : ""));
    }
    if (!include->empty()) {
        out.ignored.add("include");
    }
    return {};
}

void echo_tools(const Json& body, const CompletionsRequest& request, Json& echo) {
    const auto* choice = given(body, "tool_choice");
    echo["tool_choice"] = choice == nullptr ? Json("auto") : *choice;
    echo["tools"] = Json::array();
    for (const auto& tool : list_in(body, "tools")) {
        Json one = Json::object({{"type", "function"}});
        one["name"] = text_in(tool, "name");
        for (const std::string_view name : {"description", "parameters", "strict"}) {
            const auto* value = given(tool, name);
            one[std::string(name)] = value == nullptr ? Json(nullptr) : *value;
        }
        echo["tools"].push_back(std::move(one));
    }
    echo["parallel_tool_calls"] = !request.demands.one_call;
}

Accepted<void>
read_rest(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    auto& ask = *out.responses;
    OA_CHECK(read_text(body, "instructions", out.instructions));
    if (!out.instructions.empty()) {
        OA_CHECK(takes_instructions(context, "instructions"));
    }
    OA_CHECK(read_text(body, "previous_response_id", ask.previous));
    // Before it is looked up: the advice to send the whole conversation would be of no use.
    if (!ask.previous.empty()) {
        OA_CHECK(takes_history(context, "previous_response_id"));
    }
    OA_TRY(ask.store, read_flag(body, "store", true));
    OA_CHECK(stream_options_in(body, out.stream));
    OA_CHECK(read_text_config(body, context, out));
    OA_CHECK(read_include(body, out));
    OA_CHECK(read_numbers(body, k_numbers, out.ignored));
    OA_CHECK(read_most(body, "max_output_tokens", out.ignored));
    OA_CHECK(read_words(body, k_words, out.ignored));
    return read_metadata(body, ask);
}

void echo_rest(const Json& body, const CompletionsRequest& request, Json& echo) {
    const auto& ask = *request.responses;
    echo["model"] = request.model;
    echo["instructions"] =
        given(body, "instructions") == nullptr ? Json(nullptr) : Json(request.instructions);
    echo["previous_response_id"] = or_null(ask.previous);
    echo["store"] = ask.store;
    // Only Codex has the values that the model uses for them.
    echo["temperature"] = nullptr;
    echo["top_p"] = nullptr;
    echo["max_output_tokens"] = nullptr;
    echo["truncation"] = "disabled";
    echo["background"] = false;
    if (const auto* user = given(body, "user")) {
        echo["user"] = *user;
    }
}

} // namespace

Accepted<void> check_included(std::string param, std::string_view value) {
    constexpr std::string_view k_encrypted = "reasoning.encrypted_content";
    if (value != k_encrypted) {
        return unsupported(
            std::move(param), fmt::format("only '{}' is accepted in 'include'", k_encrypted)
        );
    }
    return {};
}

Accepted<CompletionsRequest>
read_responses_request(const Json& body, const CompletionsContext& context) {
    CompletionsRequest request;
    if (!body.is_object()) {
        return reject(400, "invalid_json", "the body must be one JSON object");
    }
    request.responses = std::make_shared<ResponsesAsk>();
    auto flat = context;
    flat.flat_tools = true;
    const auto read = [&]() -> Accepted<void> {
        OA_CHECK(check_worker(body, context.worker));
        OA_CHECK(read_model(body, context.deployment, request));
        OA_TRY(request.stream, read_flag(body, "stream", false));
        OA_CHECK(refuse_unsupported(body, k_refused, context.tools));
        OA_CHECK(refuse_unknown(body));
        OA_CHECK(read_reasoning(body, context, request));
        OA_CHECK(read_rest(body, context, request));
        OA_CHECK(read_tools(body, flat, request));
        return read_responses_input(body, context, *request.responses);
    };
    OA_CHECK(read());
    echo_tools(body, request, request.responses->echo);
    echo_rest(body, request, request.responses->echo);
    return request;
}

} // namespace oa_stream::lane
