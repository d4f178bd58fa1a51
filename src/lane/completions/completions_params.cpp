#include "completions_params.hpp"

#include "oa_stream/base/json_members.hpp"

#include "completions_tools.hpp"
#include "conversation.hpp"
#include "param_rows.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::lane {

namespace {

// --- refused: without them the answer would have another meaning --------------------------------

/// An empty object requests a search with its defaults.
bool is_off(const Json& value) {
    return asks_nothing(value) && !value.is_object();
}

bool is_text_only(const Json& value) {
    return asks_nothing(value) || value == Json::array({"text"});
}

constexpr std::string_view k_unsupported = "unsupported_parameter";
constexpr std::array k_refused{
    RefusedRow{"tools", asks_nothing, k_unsupported, true},
    RefusedRow{"functions", asks_nothing, k_unsupported, false, "tools"},
    RefusedRow{"tool_choice", is_free_choice, k_unsupported, true},
    RefusedRow{"function_call", is_free_choice, k_unsupported, false, "tool_choice"},
    RefusedRow{"stop", asks_nothing, k_unsupported, true},
    RefusedRow{"logit_bias", asks_nothing},
    RefusedRow{"logprobs", asks_nothing},
    RefusedRow{"moderation", asks_nothing},
    RefusedRow{"top_logprobs", is_no_count},
    RefusedRow{"prediction", asks_nothing},
    RefusedRow{"web_search_options", is_off},
    RefusedRow{"store", asks_nothing},
    RefusedRow{"audio", asks_nothing},
    RefusedRow{"modalities", is_text_only, "unsupported_value"},
};

// --- ignored with a warning: many clients always send them --------------------------------------

constexpr std::array k_numbers{
    NumberRow{"temperature", 0, 2, 1},
    NumberRow{"top_p", 0, 1, 1},
    NumberRow{"presence_penalty", -2, 2, 0},
    NumberRow{"frequency_penalty", -2, 2, 0},
};

Accepted<void> read_integers(const Json& body, IgnoredNames& ignored) {
    if (const auto* seed = given(body, "seed")) {
        if (!seed->is_number_integer()) {
            return bad("invalid_type", "seed", "an integer");
        }
        ignored.add("seed");
    }
    for (const std::string_view name : {"max_tokens", "max_completion_tokens"}) {
        OA_CHECK(read_most(body, name, ignored));
    }
    return {};
}

constexpr std::array k_words{
    WordRow{"service_tier", k_tiers, 2},
    WordRow{"verbosity", k_verbosities, 1},
};

// --- honoured -----------------------------------------------------------------------------------

Accepted<void> read_streaming(const Json& body, CompletionsRequest& out) {
    OA_TRY(out.stream, read_flag(body, "stream", false));
    OA_TRY(const auto options, stream_options_in(body, out.stream));
    if (options != nullptr) {
        OA_TRY(out.include_usage, read_flag(*options, "include_usage", false, "stream_options."));
    }
    return {};
}

Accepted<void> read_count(const Json& body) {
    const auto* count = given(body, "n");
    if (count == nullptr) {
        return {};
    }
    if (!count->is_number_integer()) {
        return bad("invalid_type", "n", "an integer");
    }
    const auto n = int_member(body, "n").value_or(0);
    if (n < 1) {
        return bad("invalid_value", "n", "1");
    }
    if (n > 1) {
        return unsupported("n", "only one answer is given to a request: 'n' is 1");
    }
    return {};
}

Accepted<void>
read_format(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    OA_TRY(const auto format, object_in(body, "response_format"));
    if (format == nullptr) {
        return {};
    }
    const auto type = string_member(*format, "type").value_or("");
    if (type == "text") {
        return {};
    }
    OA_CHECK(takes_format(context, type, "response_format.type"));
    if (type == "json_object" && !context.tools) {
        return unsupported(
            "response_format.type", "'json_object' is not supported: use 'json_schema'"
        );
    }
    if (type == "json_object") {
        out.demands.json_object = true;
        return {};
    }
    if (type != "json_schema") {
        return bad("invalid_value", "response_format.type", "text, json_schema or json_object");
    }
    const auto* named = given(*format, "json_schema");
    if (named == nullptr) {
        return bad("missing_required_parameter", "response_format.json_schema", "given");
    }
    return read_schema(*named, "response_format.json_schema.schema", out);
}

/// One sequence or up to four; none may be empty.
Accepted<void> read_stop(const Json& body, CompletionsRequest& out) {
    constexpr std::size_t k_most = 4; // the API's own limit
    // Each piece of an answer is compared on the loop with every beginning of the sequences.
    constexpr std::size_t k_longest = 256;
    const auto* stop = given(body, "stop");
    if (stop == nullptr || asks_nothing(*stop)) {
        return {};
    }
    const Json list = stop->is_array() ? *stop : Json::array({*stop});
    if (list.size() > k_most) {
        return bad("invalid_value", "stop", fmt::format("at most {} texts", k_most));
    }
    for (const auto& text : list) {
        if (!text.is_string()) {
            return bad("invalid_type", "stop", "a string or an array of strings");
        }
        const auto size = text.get_ref<const std::string&>().size();
        if (size == 0 || size > k_longest) {
            return bad("invalid_value", "stop", fmt::format("texts of 1 to {} bytes", k_longest));
        }
        out.demands.stop.push_back(text.get<std::string>());
    }
    return {};
}

} // namespace

Accepted<void>
read_params(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    OA_CHECK(read_model(body, context.deployment, out));
    OA_CHECK(read_streaming(body, out));
    OA_CHECK(read_count(body));
    OA_CHECK(refuse_unsupported(body, k_refused, context.tools));
    OA_CHECK(read_effort(given(body, "reasoning_effort"), "reasoning_effort", context.efforts, out)
    );
    OA_CHECK(read_format(body, context, out));
    OA_CHECK(read_stop(body, out));
    OA_CHECK(read_numbers(body, k_numbers, out.ignored));
    OA_CHECK(read_integers(body, out.ignored));
    OA_CHECK(read_words(body, k_words, out.ignored));
    return read_tools(body, context, out);
}

} // namespace oa_stream::lane
