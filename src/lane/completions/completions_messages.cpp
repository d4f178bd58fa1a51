#include "completions_messages.hpp"

#include "oa_stream/base/json_members.hpp"

#include "completions_params.hpp"
#include "completions_tools.hpp"
#include "conversation.hpp"

#include <fmt/format.h>

namespace oa_stream::lane {

namespace {

using authority::InputPart;
using authority::InputText;

/// {"type":"image_url","image_url":{"url":…}}
Accepted<void> read_image(
    const Json& part, const std::string& path, const CompletionsContext& context, ModelMessage& out
) {
    OA_CHECK(takes_images(context, path, out));
    const auto* image = given(part, "image_url");
    note_detail(image == nullptr ? part : *image, out);
    const auto url = image == nullptr ? std::nullopt : string_member(*image, "url");
    return add_image(url, path + ".image_url.url", out);
}

Accepted<void> read_part(
    const Json& part, const std::string& path, const CompletionsContext& context, ModelMessage& out
) {
    if (!part.is_object()) {
        return bad("invalid_type", path, "an object");
    }
    const auto type = string_member(part, "type").value_or("");
    if (type == "image_url") {
        return read_image(part, path, context, out);
    }
    const bool refusal = type == "refusal" && out.speaker == Speaker::assistant;
    if (type != "text" && !refusal) {
        return unsupported_type("content parts", type, path);
    }
    const auto text = string_member(part, type);
    if (!text) {
        return bad("invalid_type", fmt::format("{}.{}", path, type), "a string");
    }
    add_text(out.parts, *text);
    return {};
}

Accepted<void>
read_content(const Json& message, const CompletionsContext& context, ModelMessage& out) {
    const auto path = out.path + ".content";
    const auto* content = given(message, "content");
    if (content == nullptr) {
        if (out.speaker == Speaker::assistant) {
            return {};
        }
        return bad("invalid_type", path, "a string or an array of parts");
    }
    if (content->is_string()) {
        add_text(out.parts, content->get_ref<const std::string&>());
        return {};
    }
    if (!content->is_array() || content->empty()) {
        return bad("invalid_type", path, "a string or a non-empty array of parts");
    }
    for (std::size_t i = 0; i < content->size(); ++i) {
        OA_CHECK(read_part((*content)[i], fmt::format("{}[{}]", path, i), context, out));
    }
    return {};
}

/// One call by the assistant: {"id","function":{"name","arguments"}} or, in a function_call,
/// {"name","arguments"}; "custom" tools have "input" instead of arguments.
void add_call(const Json& call, std::string_view id, std::vector<InputPart>& parts) {
    const auto* inner = given(call, "function");
    inner = inner == nullptr ? given(call, "custom") : inner;
    const auto& what = inner == nullptr ? call : *inner;
    const auto arguments =
        string_member(what, "arguments").value_or(string_member(what, "input").value_or(""));
    add_call_text(
        {std::string(id),
         std::string(string_member(what, "name").value_or("")),
         std::string(arguments)},
        parts
    );
}

Accepted<void> read_calls(const Json& message, bool tools, ModelMessage& out) {
    if (tools) {
        OA_TRY(out.calls, read_tool_calls(message, out.path));
        out.calls_at = out.path + ".tool_calls";
    } else if (const auto* calls = given(message, "tool_calls")) {
        const auto path = out.path + ".tool_calls";
        if (!calls->is_array()) {
            return bad("invalid_type", path, "an array");
        }
        for (std::size_t i = 0; i < calls->size(); ++i) {
            const auto& call = (*calls)[i];
            if (!call.is_object()) {
                return bad("invalid_type", fmt::format("{}[{}]", path, i), "an object");
            }
            add_call(call, string_member(call, "id").value_or(""), out.parts);
        }
    }
    if (given(message, "audio") != nullptr) {
        return unsupported(out.path + ".audio", "audio answers are not supported here");
    }
    if (const auto* call = given(message, "function_call"); call != nullptr && call->is_object()) {
        add_call(*call, "", out.parts);
    }
    if (const auto refusal = string_member(message, "refusal")) {
        add_text(out.parts, *refusal);
    }
    return {};
}

void put_before(std::string text, std::vector<InputPart>& parts) {
    if (auto* first = std::get_if<InputText>(&parts.front())) {
        first->text.insert(0, text);
    } else {
        parts.insert(parts.begin(), InputText{std::move(text)});
    }
}

/// Names the speaker where the role is not enough.
Accepted<void> attribute(const Json& message, bool tools, ModelMessage& out) {
    const auto name = string_member(message, "name").value_or("");
    switch (out.speaker) {
    case Speaker::tool: {
        const auto id = string_member(message, "tool_call_id");
        if (!id || id->empty()) {
            return bad_param(
                "missing_required_parameter",
                out.path + ".tool_call_id",
                "a tool's message must name the call that it answers: 'tool_call_id'"
            );
        }
        if (tools) {
            out.answers = *id;
            out.answers_at = out.path + ".tool_call_id";
        } else {
            wrap_result(*id, out);
        }
        break;
    }
    case Speaker::function:
        wrap(out, "function_result", "name", name);
        break;
    case Speaker::assistant:
        OA_CHECK(read_calls(message, tools, out));
        [[fallthrough]];
    case Speaker::user:
        if (!out.parts.empty() && !name.empty()) {
            put_before(std::string(name) + ": ", out.parts);
        }
        break;
    case Speaker::instructions:
        break;
    }
    return {};
}

Accepted<ModelMessage>
read_message(const Json& message, std::size_t index, const CompletionsContext& context) {
    ModelMessage out;
    out.path = fmt::format("messages[{}]", index);
    if (!message.is_object()) {
        return bad("invalid_type", out.path, "an object");
    }
    const auto* role = given(message, "role");
    if (role == nullptr) {
        return bad_param(
            "missing_required_parameter", out.path + ".role", "a message must have a role"
        );
    }
    const auto word = string_member(message, "role").value_or("");
    const auto speaker = speaker_of(word);
    if (!speaker) {
        return bad(
            "invalid_value",
            out.path + ".role",
            "system, developer, user, assistant, tool or function"
        );
    }
    out.speaker = *speaker;
    OA_CHECK(read_content(message, context, out));
    OA_CHECK(attribute(message, context.tools, out));
    return out;
}

} // namespace

Accepted<void> read_completions_messages(
    const Json& body, const CompletionsContext& context, CompletionsRequest& out
) {
    const auto* messages = given(body, "messages");
    if (messages == nullptr) {
        return bad("missing_required_parameter", "messages", "given");
    }
    if (!messages->is_array()) {
        return bad("invalid_type", "messages", "an array");
    }
    if (messages->empty()) {
        return bad("invalid_value", "messages", "a non-empty array");
    }
    if (messages->size() > context.messages) {
        return bad(
            "invalid_value", "messages", fmt::format("at most {} messages", context.messages)
        );
    }
    std::vector<ModelMessage> conversation;
    for (std::size_t i = 0; i < messages->size(); ++i) {
        OA_TRY(auto message, read_message((*messages)[i], i, context));
        conversation.push_back(std::move(message));
    }
    return take_conversation(std::move(conversation), context, out);
}

} // namespace oa_stream::lane
