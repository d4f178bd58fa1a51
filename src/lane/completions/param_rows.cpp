#include "param_rows.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "chats/thread_name.hpp"
#include "completions_tools.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::lane {

Rejection at_param(Rejection rejection, std::string param) {
    rejection.details["param"] = std::move(param);
    return rejection;
}

Rejection bad_param(std::string code, std::string param, std::string message) {
    return at_param(reject(400, std::move(code), std::move(message)), std::move(param));
}

Rejection unsupported_type(std::string_view what, std::string_view type, const std::string& path) {
    return unsupported(
        path + ".type",
        fmt::format("{} of type '{}' are not supported here", what, printable(type, 40))
    );
}

Accepted<void> check_worker(const Json& body, std::string_view own) {
    if (const auto worker = read_worker_name(body, own); !worker) {
        return at_param(reject(422, "invalid_value", worker.error().message), "worker_id");
    }
    return {};
}

bool asks_nothing(const Json& value) {
    return value.is_null() || (value.is_structured() && value.empty()) ||
           (value.is_boolean() && !value.get<bool>());
}

bool is_free_choice(const Json& value) {
    return asks_nothing(value) || value == "none" || value == "auto";
}

bool is_no_count(const Json& value) {
    return asks_nothing(value) || value == 0;
}

Accepted<void> refuse_unsupported(const Json& body, std::span<const RefusedRow> rows, bool tools) {
    for (const auto& row : rows) {
        const auto* value = given(body, row.name);
        if (value != nullptr && !(row.tools && tools) && !row.neutral(*value)) {
            auto message = fmt::format("'{}' is not supported by this endpoint", row.name);
            if (tools && !row.instead.empty()) {
                message += fmt::format(": send '{}'", row.instead);
            }
            return bad_param(std::string(row.code), std::string(row.name), std::move(message));
        }
    }
    return {};
}

Accepted<void>
read_numbers(const Json& body, std::span<const NumberRow> rows, IgnoredNames& ignored) {
    for (const auto& row : rows) {
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
            ignored.add(row.name);
        }
    }
    return {};
}

Accepted<void> read_words(
    const Json& body, std::span<const WordRow> rows, IgnoredNames& ignored, std::string_view inside
) {
    for (const auto& row : rows) {
        const auto* value = given(body, row.name);
        if (value == nullptr) {
            continue;
        }
        const auto name = fmt::format("{}{}", inside, row.name);
        if (!value->is_string()) {
            return bad("invalid_type", name, "a string");
        }
        const auto at = std::ranges::find(row.values, value->get_ref<const std::string&>());
        const auto index = static_cast<std::size_t>(at - row.values.begin());
        if (index == row.values.size()) {
            return bad(
                "invalid_value", name, fmt::format("one of {}", fmt::join(row.values, ", "))
            );
        }
        if (index >= row.neutral) {
            ignored.add(name);
        }
    }
    return {};
}

Accepted<void> read_most(const Json& body, std::string_view name, IgnoredNames& ignored) {
    const auto* value = given(body, name);
    if (value == nullptr) {
        return {};
    }
    if (!value->is_number_integer()) {
        return bad("invalid_type", name, "an integer");
    }
    // No value: the number is above 2^63, so it is positive.
    if (int_member(body, name).value_or(1) < 1) {
        return bad("invalid_value", name, "at least 1");
    }
    ignored.add(name);
    return {};
}

Accepted<void> read_model(
    const Json& body, const std::optional<std::string>& deployment, CompletionsRequest& out
) {
    if (deployment) {
        out.model = *deployment;
        return {};
    }
    const auto* model = given(body, "model");
    if (model == nullptr) {
        return bad("missing_required_parameter", "model", "given");
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

Accepted<bool>
read_flag(const Json& object, std::string_view name, bool otherwise, std::string_view inside) {
    const auto* value = given(object, name);
    if (value != nullptr && !value->is_boolean()) {
        return bad("invalid_type", fmt::format("{}{}", inside, name), "a boolean");
    }
    return value == nullptr ? otherwise : value->get<bool>();
}

Accepted<const Json*> object_in(const Json& body, std::string_view name) {
    const auto* value = given(body, name);
    if (value != nullptr && !value->is_object()) {
        return bad("invalid_type", name, "an object");
    }
    return value;
}

Accepted<const Json*> stream_options_in(const Json& body, bool stream) {
    OA_TRY(const auto options, object_in(body, "stream_options"));
    if (options != nullptr && !stream) {
        return bad("invalid_value", "stream_options", "left out unless 'stream' is true");
    }
    return options;
}

Accepted<void> read_effort(
    const Json* effort,
    std::string_view name,
    std::span<const std::string> efforts,
    CompletionsRequest& out
) {
    static const std::vector<std::string> usual{
        "none", "minimal", "low", "medium", "high", "xhigh", "max"
    };
    const auto known = efforts.empty() ? std::span<const std::string>(usual) : efforts;
    if (effort == nullptr) {
        return {};
    }
    if (!effort->is_string()) {
        return bad("invalid_type", name, "a string");
    }
    out.effort = effort->get<std::string>();
    if (!contains(known, out.effort)) {
        return bad("invalid_value", name, fmt::format("one of {}", fmt::join(known, ", ")));
    }
    return {};
}

Accepted<void> read_schema(const Json& format, const std::string& name, CompletionsRequest& out) {
    const auto* label = given(format, "name");
    if (label != nullptr &&
        !(label->is_string() && is_function_name(text_view_in(format, "name")))) {
        const auto place = name.substr(0, name.rfind('.')) + ".name";
        return bad("invalid_value", place, "1 to 64 letters, digits, '_' or '-'");
    }
    const auto* schema = given(format, "schema");
    if (schema == nullptr) {
        return bad("missing_required_parameter", name, "given");
    }
    if (!schema->is_object()) {
        return bad("invalid_type", name, "an object");
    }
    if (text_view_in(*schema, "type") == "array") {
        return bad("invalid_value", name, "a schema whose root is an object");
    }
    out.output_schema = *schema;
    // Codex accepts only the schema and asks the model to follow it strictly.
    const auto inside = name.substr(0, name.rfind('.'));
    if (const auto* strict = given(format, "strict"); strict != nullptr && *strict == false) {
        out.ignored.add(inside + ".strict");
    }
    if (!text_view_in(format, "description").empty()) {
        out.ignored.add(inside + ".description");
    }
    return {};
}

} // namespace oa_stream::lane
