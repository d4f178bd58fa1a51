#include "completions_params.hpp"

#include "oa_stream/base/text.hpp"

#include "completions_tools.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// null, [], {} and false ask for nothing.
bool asks_nothing(const Json& value) {
    return value.is_null() || (value.is_structured() && value.empty()) ||
           (value.is_boolean() && !value.get<bool>());
}

// --- refused: an answer without them would mean something else ----------------------------------

struct Refused {
    std::string_view name;
    bool (*neutral)(const Json& value);
    std::string_view code = "unsupported_parameter";
    bool tools = false; ///< not where the authority takes functions of the client's
};

bool is_free_choice(const Json& value) {
    return asks_nothing(value) || value == "none" || value == "auto";
}
bool is_text_only(const Json& value) {
    return asks_nothing(value) || value == Json::array({"text"});
}
bool is_no_count(const Json& value) {
    return asks_nothing(value) || value == 0;
}

constexpr std::array k_refused{
    Refused{"tools", asks_nothing, "unsupported_parameter", true},
    Refused{"functions", asks_nothing},
    Refused{"tool_choice", is_free_choice, "unsupported_parameter", true},
    Refused{"function_call", is_free_choice},
    Refused{"stop", asks_nothing},
    Refused{"logit_bias", asks_nothing},
    Refused{"logprobs", asks_nothing},
    Refused{"top_logprobs", is_no_count},
    Refused{"prediction", asks_nothing},
    Refused{"web_search_options", asks_nothing},
    Refused{"store", asks_nothing},
    Refused{"audio", asks_nothing},
    Refused{"modalities", is_text_only, "unsupported_value"},
};

Accepted<void> refuse_unsupported(const Json& body, bool tools) {
    for (const auto& row : k_refused) {
        const auto* value = given(body, row.name);
        if (value != nullptr && !(row.tools && tools) && !row.neutral(*value)) {
            return std::unexpected(bad_param(
                std::string(row.code),
                std::string(row.name),
                fmt::format("'{}' is not supported by this endpoint", row.name)
            ));
        }
    }
    return {};
}

// --- warned about: many clients send them by habit ----------------------------------------------

struct Number {
    std::string_view name;
    double low;
    double high;
    double neutral;
};
constexpr std::array k_numbers{
    Number{"temperature", 0, 2, 1},
    Number{"top_p", 0, 1, 1},
    Number{"presence_penalty", -2, 2, 0},
    Number{"frequency_penalty", -2, 2, 0},
};

Accepted<void> read_numbers(const Json& body, std::vector<std::string>& ignored) {
    for (const auto& row : k_numbers) {
        const auto* value = given(body, row.name);
        if (value == nullptr) {
            continue;
        }
        if (!value->is_number()) {
            return bad("invalid_type", row.name, "a number");
        }
        const auto number = value->get<double>();
        if (!(number >= row.low && number <= row.high)) {
            return bad(
                "invalid_value", row.name, fmt::format("between {} and {}", row.low, row.high)
            );
        }
        if (number != row.neutral) {
            ignored.emplace_back(row.name);
        }
    }
    return {};
}

Accepted<void> read_integers(const Json& body, std::vector<std::string>& ignored) {
    if (const auto* seed = given(body, "seed")) {
        if (!seed->is_number_integer()) {
            return bad("invalid_type", "seed", "an integer");
        }
        ignored.emplace_back("seed");
    }
    for (const std::string_view name : {"max_tokens", "max_completion_tokens"}) {
        const auto* value = given(body, name);
        if (value == nullptr) {
            continue;
        }
        if (!value->is_number_integer()) {
            return bad("invalid_type", name, "an integer");
        }
        if (int_member(body, name).value_or(1) < 1) { // no value: beyond 2^63, so positive
            return bad("invalid_value", name, "at least 1");
        }
        ignored.emplace_back(name);
    }
    return {};
}

struct Word {
    std::string_view name;
    std::span<const std::string_view> values;
    std::size_t neutral; ///< the first so many ask for nothing special
};
constexpr std::array<std::string_view, 5> k_tiers{"auto", "default", "flex", "scale", "priority"};
constexpr std::array<std::string_view, 3> k_verbosities{"medium", "low", "high"};
constexpr std::array k_words{
    Word{"service_tier", k_tiers, 2},
    Word{"verbosity", k_verbosities, 1},
};

Accepted<void> read_words(const Json& body, std::vector<std::string>& ignored) {
    for (const auto& row : k_words) {
        const auto* value = given(body, row.name);
        if (value == nullptr) {
            continue;
        }
        if (!value->is_string()) {
            return bad("invalid_type", row.name, "a string");
        }
        const auto at = std::ranges::find(row.values, value->get_ref<const std::string&>());
        const auto index = static_cast<std::size_t>(at - row.values.begin());
        if (index == row.values.size()) {
            return bad(
                "invalid_value", row.name, fmt::format("one of {}", fmt::join(row.values, ", "))
            );
        }
        if (index >= row.neutral) {
            ignored.emplace_back(row.name);
        }
    }
    return {};
}

// --- honoured -----------------------------------------------------------------------------------

Accepted<void> read_model(const Json& body, CompletionsRequest& out) {
    const auto* model = given(body, "model");
    if (model == nullptr) {
        return std::unexpected(
            bad_param("missing_required_parameter", "model", "'model' must be given")
        );
    }
    if (!model->is_string()) {
        return bad("invalid_type", "model", "a string");
    }
    out.model = model->get<std::string>();
    if (out.model.empty()) {
        return bad("invalid_value", "model", "the name of a model");
    }
    return {};
}

Accepted<void> read_streaming(const Json& body, CompletionsRequest& out) {
    if (const auto* stream = given(body, "stream")) {
        if (!stream->is_boolean()) {
            return bad("invalid_type", "stream", "a boolean");
        }
        out.stream = stream->get<bool>();
    }
    const auto* options = given(body, "stream_options");
    if (options == nullptr) {
        return {};
    }
    if (!options->is_object()) {
        return bad("invalid_type", "stream_options", "an object");
    }
    if (!out.stream) {
        return bad("invalid_value", "stream_options", "left out unless 'stream' is true");
    }
    if (const auto* usage = given(*options, "include_usage")) {
        if (!usage->is_boolean()) {
            return bad("invalid_type", "stream_options.include_usage", "a boolean");
        }
        out.include_usage = usage->get<bool>();
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
        return std::unexpected(
            bad_param("unsupported_value", "n", "only one answer is given to a request: 'n' is 1")
        );
    }
    return {};
}

Accepted<void>
read_effort(const Json& body, std::span<const std::string> efforts, CompletionsRequest& out) {
    static const std::vector<std::string> usual{
        "none", "minimal", "low", "medium", "high", "xhigh"
    };
    const auto known = efforts.empty() ? std::span<const std::string>(usual) : efforts;
    const auto* effort = given(body, "reasoning_effort");
    if (effort == nullptr) {
        return {};
    }
    if (!effort->is_string()) {
        return bad("invalid_type", "reasoning_effort", "a string");
    }
    out.effort = effort->get<std::string>();
    if (std::ranges::find(known, out.effort) == known.end()) {
        return bad(
            "invalid_value", "reasoning_effort", fmt::format("one of {}", fmt::join(known, ", "))
        );
    }
    return {};
}

Accepted<void> read_format(const Json& body, CompletionsRequest& out) {
    const auto* format = given(body, "response_format");
    if (format == nullptr) {
        return {};
    }
    if (!format->is_object()) {
        return bad("invalid_type", "response_format", "an object");
    }
    const auto type = string_member(*format, "type").value_or("");
    if (type == "text") {
        return {};
    }
    if (type == "json_object") {
        return std::unexpected(bad_param(
            "unsupported_value",
            "response_format.type",
            "'json_object' is not supported: use 'json_schema'"
        ));
    }
    if (type != "json_schema") {
        return bad("invalid_value", "response_format.type", "'text' or 'json_schema'");
    }
    const auto* named = given(*format, "json_schema");
    if (named == nullptr) {
        return std::unexpected(bad_param(
            "missing_required_parameter",
            "response_format.json_schema",
            "'response_format.json_schema' must be given"
        ));
    }
    const auto* schema = given(*named, "schema");
    if (schema == nullptr) {
        return std::unexpected(bad_param(
            "missing_required_parameter",
            "response_format.json_schema.schema",
            "'response_format.json_schema.schema' must be given"
        ));
    }
    if (!schema->is_object()) {
        return bad("invalid_type", "response_format.json_schema.schema", "an object");
    }
    out.output_schema = *schema;
    return {};
}

} // namespace

Rejection bad_param(std::string code, std::string param, std::string message) {
    auto rejection = reject(400, std::move(code), std::move(message));
    rejection.details["param"] = std::move(param);
    return rejection;
}

Accepted<void>
read_params(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    if (auto read = read_model(body, out); !read) {
        return read;
    }
    if (auto read = read_streaming(body, out); !read) {
        return read;
    }
    if (auto read = read_count(body); !read) {
        return read;
    }
    if (auto read = refuse_unsupported(body, context.tools); !read) {
        return read;
    }
    if (auto read = read_effort(body, context.efforts, out); !read) {
        return read;
    }
    if (auto read = read_format(body, out); !read) {
        return read;
    }
    if (auto read = read_numbers(body, out.ignored); !read) {
        return read;
    }
    if (auto read = read_integers(body, out.ignored); !read) {
        return read;
    }
    if (auto read = read_words(body, out.ignored); !read) {
        return read;
    }
    return read_tools(body, context, out);
}

} // namespace oa_stream::lane
