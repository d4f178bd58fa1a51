// input of /v1/responses, and the conversation that it continues.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions/completions_params.hpp"
#include "completions/completions_tools.hpp"
#include "responses_request.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <unordered_set>
#include <utility>

namespace oa_stream::lane {

namespace {

Accepted<void> read_part(
    const Json& part, const std::string& path, const CompletionsContext& context, ModelMessage& out
) {
    if (!part.is_object()) {
        return bad("invalid_type", path, "an object");
    }
    const auto type = text_in(part, "type");
    if (type == "input_image") {
        OA_CHECK(takes_images(context, path, out));
        note_detail(part, out);
        return add_image(string_member(part, "image_url"), path + ".image_url", out);
    }
    const bool ours = out.speaker == Speaker::assistant;
    const bool refusal = ours && type == "refusal";
    if (type != "input_text" && type != "text" && !refusal && !(ours && type == "output_text")) {
        return unsupported_type("content parts", type, path);
    }
    const auto* name = refusal ? "refusal" : "text";
    const auto text = string_member(part, name);
    if (!text) {
        return bad("invalid_type", fmt::format("{}.{}", path, name), "a string");
    }
    add_text(out.parts, *text);
    return {};
}

/// Reads `content`, a string or parts.
Accepted<void> read_content(
    const Json* content,
    const std::string& path,
    const CompletionsContext& context,
    ModelMessage& out
) {
    if (content != nullptr && content->is_string()) {
        add_text(out.parts, content->get_ref<const std::string&>());
        return {};
    }
    if (content == nullptr || !content->is_array()) {
        return bad("invalid_type", path, "a string or an array of parts");
    }
    for (std::size_t i = 0; i < content->size(); ++i) {
        OA_CHECK(read_part((*content)[i], fmt::format("{}[{}]", path, i), context, out));
    }
    return {};
}

Accepted<void>
read_message(const Json& item, const CompletionsContext& context, ModelMessage& out) {
    const auto speaker = speaker_of(text_in(item, "role"));
    // These roles are items of their own
    if (!speaker || *speaker == Speaker::tool || *speaker == Speaker::function) {
        return bad("invalid_value", out.path + ".role", "user, assistant, system or developer");
    }
    out.speaker = *speaker;
    out.phase = turn::text_phase_of(text_view_in(item, "phase"));
    return read_content(given(item, "content"), out.path + ".content", context, out);
}

Accepted<std::string>
word_in(const Json& item, const ModelMessage& message, std::string_view name) {
    auto word = text_in(item, name);
    if (word.empty()) {
        return bad("invalid_type", fmt::format("{}.{}", message.path, name), "a string");
    }
    return word;
}

Accepted<void> read_call(const Json& item, ModelMessage& out) {
    out.speaker = Speaker::assistant;
    OA_TRY(auto id, word_in(item, out, "call_id"));
    OA_TRY(auto name, word_in(item, out, "name"));
    const auto arguments = string_member(item, "arguments");
    if (!arguments) {
        return bad("invalid_type", out.path + ".arguments", "a string");
    }
    out.calls.push_back({std::move(id), std::move(name), std::string(*arguments)});
    out.calls_at = out.path + ".call_id";
    return {};
}

Accepted<void> read_result(const Json& item, const CompletionsContext& context, ModelMessage& out) {
    out.speaker = Speaker::tool;
    OA_TRY(out.answers, word_in(item, out, "call_id"));
    out.answers_at = out.path + ".call_id";
    return read_content(given(item, "output"), out.path + ".output", context, out);
}

Accepted<void> read_item(const Json& item, const CompletionsContext& context, InputItem& out) {
    auto& message = out.message;
    if (!item.is_object()) {
        return bad("invalid_type", message.path, "an object");
    }
    const auto type = text_in(item, "type");
    if (type == "message" || (type.empty() && given(item, "role") != nullptr)) {
        return read_message(item, context, message);
    }
    if (type == "function_call") {
        return read_call(item, message);
    }
    if (type == "function_call_output") {
        return read_result(item, context, message);
    }
    if (type == "reasoning") { // ignored: Codex does not accept earlier reasoning summaries
        message.speaker = Speaker::assistant;
        return {};
    }
    // The type "item_reference" may be missing.
    const bool bare = type.empty() && given(item, "id") != nullptr;
    if (type != "item_reference" && !bare) {
        return unsupported_type("items", type, message.path);
    }
    OA_TRY(out.reference, word_in(item, message, "id"));
    return {};
}

/// The common phase of two texts; none when they differ.
turn::TextPhase phase_of_both(const ModelMessage& one, const ModelMessage& other) {
    if (one.parts.empty()) {
        return other.phase;
    }
    const bool one_alone = other.parts.empty() || other.phase == one.phase;
    return one_alone ? one.phase : turn::TextPhase::unknown;
}

/// Joins everything that the model wrote and called without a result in between into one answer,
/// whatever the order of its items and whatever instructions stand between them.
std::vector<ModelMessage> joined(const std::vector<StoredItemPtr>& items) {
    std::vector<ModelMessage> out;
    std::optional<std::size_t> last; // the last message that is not an instruction
    for (const auto& item : items) {
        const ModelMessage& message = item->message;
        const bool assistant = message.speaker == Speaker::assistant;
        if (assistant && message.parts.empty() && message.calls.empty()) {
            continue; // reasoning
        }
        ModelMessage* before = last ? &out[*last] : nullptr;
        if (assistant && before != nullptr && before->speaker == Speaker::assistant &&
            (message.parts.empty() || !before->calls.empty())) {
            before->phase = phase_of_both(*before, message);
            before->parts.insert(before->parts.end(), message.parts.begin(), message.parts.end());
            before->calls.insert(before->calls.end(), message.calls.begin(), message.calls.end());
            before->calls_at = message.calls.empty() ? before->calls_at : message.calls_at;
        } else {
            last = message.speaker == Speaker::instructions ? last : out.size();
            out.push_back(message);
        }
    }
    return out;
}

/// For an authority that accepts no functions.
void calls_as_text(std::vector<ModelMessage>& conversation) {
    for (auto& message : conversation) {
        for (const auto& call : message.calls) {
            add_call_text(call, message.parts);
        }
        message.calls.clear();
        if (!message.answers.empty()) {
            wrap_result(std::exchange(message.answers, {}), message);
        }
    }
}

} // namespace

Accepted<void>
read_responses_input(const Json& body, const CompletionsContext& context, ResponsesAsk& out) {
    const auto* input = given(body, "input");
    if (input == nullptr && !out.previous.empty()) {
        return {}; // the same as an empty array
    }
    if (input == nullptr) {
        return bad("missing_required_parameter", "input", "given");
    }
    if (input->is_string()) {
        InputItem item{.message = {.speaker = Speaker::user, .path = "input"}};
        add_text(item.message.parts, input->get_ref<const std::string&>());
        out.input.push_back(std::move(item));
        return {};
    }
    if (!input->is_array()) {
        return bad("invalid_type", "input", "a string or an array of items");
    }
    if (input->empty() && out.previous.empty()) {
        return bad("invalid_value", "input", "a non-empty array");
    }
    if (input->size() > context.messages) {
        return bad("invalid_value", "input", fmt::format("at most {} items", context.messages));
    }
    for (std::size_t i = 0; i < input->size(); ++i) {
        InputItem item{.message = {.speaker = Speaker::user, .path = fmt::format("input[{}]", i)}};
        OA_CHECK(read_item((*input)[i], context, item));
        out.input.push_back(std::move(item));
    }
    return {};
}

Accepted<void> find_conversation(
    const ResponseStore& store,
    std::string_view owner,
    const CompletionsContext& context,
    ResponsesAsk& ask
) {
    auto& out = ask.conversation;
    if (!ask.previous.empty()) {
        const auto* before = store.find(owner, ask.previous);
        if (before == nullptr) {
            return bad_param(
                "previous_response_not_found",
                "previous_response_id",
                fmt::format(
                    "there is no stored response '{}' here (any more): send the whole conversation",
                    printable(ask.previous, 80)
                )
            );
        }
        out = before->conversation;
    }
    std::unordered_set<const StoredItem*> known;
    for (const auto& item : out) {
        known.insert(item.get());
    }
    for (auto& item : ask.input) {
        if (item.reference.empty()) {
            out.push_back(std::make_shared<StoredItem>(std::string(), std::move(item.message)));
            continue;
        }
        auto held = store.item(owner, item.reference);
        if (!held) {
            // An authority without history would refuse the item itself, too
            OA_CHECK(takes_history(context, item.message.path));
            return bad_param(
                "item_not_found",
                item.message.path + ".id",
                fmt::format(
                    "there is no stored item '{}' here (any more): send the item itself",
                    printable(item.reference, 80)
                )
            );
        }
        // Clients that also name the previous response send its items again.
        if (known.insert(held.get()).second) {
            out.push_back(std::move(held));
        }
    }
    ask.input.clear();
    if (out.size() > context.messages) {
        return bad(
            "invalid_value",
            "previous_response_id",
            fmt::format(
                "a response whose conversation has, with 'input', at most {} items",
                context.messages
            )
        );
    }
    return {};
}

Accepted<void>
resolve_conversation(const CompletionsContext& context, CompletionsRequest& request) {
    auto conversation = joined(request.responses->conversation);
    if (!context.tools) {
        OA_CHECK(check_calls(conversation)); // check before the calls become text
        calls_as_text(conversation);
    }
    OA_CHECK(take_conversation(std::move(conversation), context, request));
    tell_demands(request);
    return {};
}

} // namespace oa_stream::lane
