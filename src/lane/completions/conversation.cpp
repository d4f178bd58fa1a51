#include "conversation.hpp"

#include "oa_stream/base/text.hpp"

#include "chats/chat_request.hpp"
#include "chats/image_url.hpp"
#include "completions_params.hpp"
#include "completions_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

using authority::InputImage;
using authority::InputPart;
using authority::InputText;
using Role = authority::SeedMessage::Role;

struct RoleRow {
    std::string_view word;
    Speaker speaker;
};
constexpr std::array k_roles{
    RoleRow{"system", Speaker::instructions},
    RoleRow{"developer", Speaker::instructions},
    RoleRow{"user", Speaker::user},
    RoleRow{"assistant", Speaker::assistant},
    RoleRow{"tool", Speaker::tool},
    RoleRow{"function", Speaker::function},
};

bool has_image(const ModelMessage& message) {
    return std::ranges::any_of(message.parts, [](const InputPart& part) {
        return std::holds_alternative<InputImage>(part);
    });
}

std::string in_quotes(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

authority::SeedMessage seed_of(ModelMessage message) {
    // An answer's parts form one text, as OpenAI's libraries show them.
    const bool answer = message.speaker == Speaker::assistant;
    authority::SeedMessage seed{
        .role = Role::user, .text = text_in_input(message.parts, answer ? "" : "\n")
    };
    if (!message.answers.empty()) {
        seed.role = Role::tool;
        seed.answers = std::move(message.answers);
    } else if (answer) {
        seed.role = Role::assistant;
        seed.calls = std::move(message.calls);
        seed.phase = message.phase;
    }
    if (has_image(message) || (seed.role == Role::user && message.parts.size() > 1)) {
        seed.parts = std::move(message.parts);
    }
    return seed;
}

std::string content_of(const ModelMessage& message) {
    return message.path == "input" ? message.path
                                   : message.path + ".content"; // a string has no parts
}

/// Checks the last message like a chat's newest message. Earlier messages are history: they may
/// have any length and may be empty.
Accepted<void>
check_newest(const std::vector<ModelMessage>& conversation, const CompletionsContext& context) {
    if (conversation.empty() || conversation.back().speaker != Speaker::user) {
        return {};
    }
    const auto& last = conversation.back();
    if (last.parts.empty()) {
        return bad("invalid_type", content_of(last), "a string or a non-empty array of parts");
    }
    // The control service of a worker trims a text and refuses one that is empty then.
    if (!context.worker.empty() && trim(text_in_input(last.parts)).empty()) {
        return bad("invalid_value", content_of(last), "more than white space");
    }
    const auto most = context.text_chars;
    if (const auto length = text_length(last.parts); length > most) {
        return bad_param(
            "string_above_max_length",
            last.path,
            fmt::format(
                "the last message must not be longer than {} characters; it has {}", most, length
            )
        );
    }
    return {};
}

/// For an authority without functions, only the last message may have images: earlier messages
/// become text.
Accepted<void>
arrange(std::vector<ModelMessage> conversation, bool tools, CompletionsRequest& out) {
    const bool answered = !conversation.empty() && !conversation.back().answers.empty();
    const bool ask = !conversation.empty() && conversation.back().speaker != Speaker::assistant;
    if (ask && !answered) {
        out.input = std::move(conversation.back().parts);
        conversation.pop_back();
    } else if (!answered) {
        out.input.emplace_back(InputText{std::string(k_continue)});
    }
    for (auto& message : conversation) {
        if (!tools && has_image(message)) {
            return unsupported(
                message.path + ".content", "images are taken in the last message only"
            );
        }
        auto seed = seed_of(std::move(message));
        const bool says = !seed.text.empty() || !seed.parts.empty() || !seed.calls.empty();
        if (says || seed.role == Role::tool) {
            out.seed.push_back(std::move(seed));
        }
    }
    return {};
}

} // namespace

std::optional<Speaker> speaker_of(std::string_view role) {
    const auto* row = std::ranges::find(k_roles, role, &RoleRow::word);
    return row == k_roles.end() ? std::nullopt : std::optional(row->speaker);
}

void add_text(std::vector<InputPart>& parts, std::string_view text) {
    auto* last = parts.empty() ? nullptr : std::get_if<InputText>(&parts.back());
    if (last != nullptr && (last->text.empty() || text.empty())) {
        last->text += text; // an empty part is dropped beside others
    } else {
        parts.emplace_back(InputText{std::string(text)});
    }
}

Accepted<void> takes_images(
    const CompletionsContext& context, const std::string& path, const ModelMessage& message
) {
    // Without functions a result becomes text.
    const bool result = message.speaker == Speaker::tool && context.tools;
    if (context.images && (message.speaker == Speaker::user || result)) {
        return {};
    }
    const auto* from = context.tools ? "images are taken from users and results of functions only"
                                     : "images are taken from users only";
    return unsupported(path + ".type", context.images ? from : "this model takes no images");
}

Accepted<void> takes_history(const CompletionsContext& context, const std::string& path) {
    if (context.history) {
        return {};
    }
    return unsupported(
        path, "this model takes one new message and nothing that was said before it"
    );
}

Accepted<void> takes_instructions(const CompletionsContext& context, const std::string& path) {
    if (context.instructions) {
        return {};
    }
    return unsupported(path, "this model takes no instructions");
}

Accepted<void>
takes_format(const CompletionsContext& context, std::string_view type, const std::string& path) {
    if (context.instructions || type == "text") {
        return {};
    }
    return unsupported(path, "this model takes no format but text");
}

Accepted<void>
add_image(std::optional<std::string_view> url, const std::string& path, ModelMessage& out) {
    if (!url) {
        return bad("invalid_type", path, "a string");
    }
    auto image = normal_data_url(std::string(*url));
    if (const auto why = image_fault(image); !why.empty()) {
        return bad_param("invalid_value", path, std::string(why));
    }
    out.parts.emplace_back(InputImage{std::move(image)});
    return {};
}

void note_detail(const Json& image, ModelMessage& out) {
    const auto detail = string_member(image, "detail").value_or("auto");
    out.detailed = out.detailed || (detail != "auto" && !detail.empty());
}

void add_call_text(const authority::SeedCall& call, std::vector<InputPart>& parts) {
    add_text(
        parts,
        fmt::format(
            "{}<tool_call id={} name={}>{}</tool_call>",
            parts.empty() ? "" : "\n",
            in_quotes(call.id),
            in_quotes(call.name),
            call.arguments
        )
    );
}

void wrap_result(std::string_view call, ModelMessage& message) {
    wrap(message, "tool_result", "id", call);
}

void wrap(
    ModelMessage& message, std::string_view tag, std::string_view key, std::string_view value
) {
    auto text = fmt::format(
        "<{0} {1}={2}>{3}</{0}>", tag, key, in_quotes(value), text_in_input(message.parts)
    );
    message.parts.clear();
    message.parts.emplace_back(InputText{std::move(text)});
}

Accepted<void> check_calls(const std::vector<ModelMessage>& conversation) {
    OpenCalls open;
    for (const auto& message : conversation) {
        if (message.speaker == Speaker::instructions) {
            continue;
        }
        Accepted<void> fits =
            !message.answers.empty() ? open.answered(message.answers, message.answers_at)
            : message.speaker == Speaker::assistant ? open.made(message.calls, message.calls_at)
                                                    : open.none_open();
        if (!fits) {
            return fits;
        }
    }
    return open.none_open();
}

Accepted<void> take_conversation(
    std::vector<ModelMessage> conversation,
    const CompletionsContext& context,
    CompletionsRequest& out
) {
    if (std::ranges::any_of(conversation, &ModelMessage::detailed)) {
        out.ignored.add(
            out.responses ? "input.content.detail" : "messages.content.image_url.detail"
        );
    }
    std::vector<ModelMessage> rest;
    for (auto& message : conversation) {
        if (message.speaker == Speaker::instructions) {
            OA_CHECK(takes_instructions(context, message.path + ".role"));
            out.instructions += out.instructions.empty() ? "" : "\n\n";
            out.instructions += text_in_input(message.parts);
        } else {
            rest.push_back(std::move(message));
        }
    }
    OA_CHECK(check_calls(rest));
    if (rest.size() > 1 || (rest.size() == 1 && rest.front().speaker == Speaker::assistant)) {
        OA_CHECK(takes_history(context, rest.front().path));
    }
    OA_CHECK(check_newest(rest, context));
    return arrange(std::move(rest), context.tools, out);
}

} // namespace oa_stream::lane
