#include "completions_messages.hpp"

#include "oa_stream/base/text.hpp"

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

enum class Speaker { instructions, user, assistant, tool, function };

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

struct Said {
    Speaker speaker = Speaker::user;
    std::string path;               ///< "messages[3]"
    std::vector<InputPart> parts{}; ///< texts joined; images only of users
    std::vector<authority::SeedCall> calls{};
    std::string answers{}; ///< the call whose result it is
};

void add_text(std::vector<InputPart>& parts, std::string_view text) {
    auto* last = parts.empty() ? nullptr : std::get_if<InputText>(&parts.back());
    if (last != nullptr) {
        last->text += text;
    } else {
        parts.emplace_back(InputText{std::string(text)});
    }
}

std::string text_of(const std::vector<InputPart>& parts) {
    std::string out;
    for (const auto& part : parts) {
        if (const auto* text = std::get_if<InputText>(&part)) {
            out += text->text;
        }
    }
    return out;
}

bool has_image(const Said& said) {
    return std::ranges::any_of(said.parts, [](const InputPart& part) {
        return std::holds_alternative<InputImage>(part);
    });
}

/// {"type":"image_url","image_url":{"url":…}}
Accepted<void> read_image(const Json& part, const std::string& path, bool images, Said& out) {
    if (!images || out.speaker != Speaker::user) {
        return std::unexpected(bad_param(
            "unsupported_value",
            path + ".type",
            images ? "images are taken from users only" : "this model takes no images"
        ));
    }
    const auto* image = given(part, "image_url");
    const auto url = image == nullptr ? std::nullopt : string_member(*image, "url");
    if (!url) {
        return bad("invalid_type", path + ".image_url.url", "a string");
    }
    if (const auto why = image_fault(*url); !why.empty()) {
        return std::unexpected(bad_param("invalid_value", path + ".image_url.url", std::string(why))
        );
    }
    out.parts.emplace_back(InputImage{std::string(*url)});
    return {};
}

Accepted<void> read_part(const Json& part, const std::string& path, bool images, Said& out) {
    if (!part.is_object()) {
        return bad("invalid_type", path, "an object");
    }
    const auto type = string_member(part, "type").value_or("");
    if (type == "image_url") {
        return read_image(part, path, images, out);
    }
    const bool refusal = type == "refusal" && out.speaker == Speaker::assistant;
    if (type != "text" && !refusal) {
        return std::unexpected(bad_param(
            "unsupported_value",
            path + ".type",
            fmt::format("content parts of type '{}' are not supported here", printable(type, 40))
        ));
    }
    const auto text = string_member(part, type);
    if (!text) {
        return bad("invalid_type", fmt::format("{}.{}", path, type), "a string");
    }
    add_text(out.parts, *text);
    return {};
}

Accepted<void> read_content(const Json& message, bool images, Said& out) {
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
        auto read = read_part((*content)[i], fmt::format("{}[{}]", path, i), images, out);
        if (!read) {
            return read;
        }
    }
    return {};
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

/// One call of the assistant's as it was made: {"id","function":{"name","arguments"}} or, of a
/// function_call, {"name","arguments"}; "custom" tools have "input" instead of arguments.
void add_call(const Json& call, std::string_view id, std::vector<InputPart>& parts) {
    const auto* inner = given(call, "function");
    inner = inner == nullptr ? given(call, "custom") : inner;
    const auto& what = inner == nullptr ? call : *inner;
    const auto arguments =
        string_member(what, "arguments").value_or(string_member(what, "input").value_or(""));
    add_text(
        parts,
        fmt::format(
            "{}<tool_call id={} name={}>{}</tool_call>",
            parts.empty() ? "" : "\n",
            quoted(id),
            quoted(string_member(what, "name").value_or("")),
            arguments
        )
    );
}

Accepted<void> read_calls(const Json& message, bool tools, Said& out) {
    if (tools) {
        auto calls = read_tool_calls(message, out.path);
        if (!calls) {
            return std::unexpected(std::move(calls).error());
        }
        out.calls = *std::move(calls);
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
    if (const auto* call = given(message, "function_call"); call != nullptr && call->is_object()) {
        add_call(*call, "", out.parts);
    }
    if (const auto refusal = string_member(message, "refusal")) {
        add_text(out.parts, *refusal);
    }
    return {};
}

void wrap(Said& said, std::string_view tag, std::string_view key, std::string_view value) {
    auto text = fmt::format("<{0} {1}={2}>{3}</{0}>", tag, key, quoted(value), text_of(said.parts));
    said.parts.clear();
    said.parts.emplace_back(InputText{std::move(text)});
}

/// Who says it, where the role alone does not tell.
Accepted<void> attribute(const Json& message, bool tools, Said& out) {
    const auto name = string_member(message, "name").value_or("");
    switch (out.speaker) {
    case Speaker::tool: {
        const auto id = string_member(message, "tool_call_id");
        if (!id || id->empty()) {
            return std::unexpected(bad_param(
                "missing_required_parameter",
                out.path + ".tool_call_id",
                "a tool's message must say which call it answers: 'tool_call_id'"
            ));
        }
        if (tools) {
            out.answers = *id;
        } else {
            wrap(out, "tool_result", "id", *id);
        }
        break;
    }
    case Speaker::function:
        wrap(out, "function_result", "name", name);
        break;
    case Speaker::assistant:
        if (auto read = read_calls(message, tools, out); !read) {
            return read;
        }
        [[fallthrough]];
    case Speaker::user:
        if (auto* first = out.parts.empty() ? nullptr : std::get_if<InputText>(&out.parts.front());
            first != nullptr && !name.empty()) {
            first->text.insert(0, std::string(name) + ": ");
        }
        break;
    case Speaker::instructions:
        break;
    }
    return {};
}

Accepted<Said>
read_message(const Json& message, std::size_t index, const CompletionsContext& context) {
    Said said;
    said.path = fmt::format("messages[{}]", index);
    if (!message.is_object()) {
        return bad("invalid_type", said.path, "an object");
    }
    const auto* role = given(message, "role");
    if (role == nullptr) {
        return std::unexpected(bad_param(
            "missing_required_parameter", said.path + ".role", "a message must have a role"
        ));
    }
    const auto word = string_member(message, "role").value_or("");
    const auto* row = std::ranges::find(k_roles, word, &RoleRow::word);
    if (row == k_roles.end()) {
        return bad(
            "invalid_value",
            said.path + ".role",
            "system, developer, user, assistant, tool or function"
        );
    }
    said.speaker = row->speaker;
    if (auto read = read_content(message, context.images, said); !read) {
        return std::unexpected(std::move(read).error());
    }
    if (auto read = attribute(message, context.tools, said); !read) {
        return std::unexpected(std::move(read).error());
    }
    return said;
}

/// A result stands behind the call it answers, and no call is without one.
Accepted<void> check_calls(const std::vector<Said>& conversation) {
    OpenCalls open;
    for (const auto& said : conversation) {
        Accepted<void> fits = !said.answers.empty() ? open.answered(said.answers, said.path)
                              : said.speaker == Speaker::assistant
                                  ? open.made(said.calls, said.path)
                                  : open.none_open();
        if (!fits) {
            return fits;
        }
    }
    return open.none_open();
}

authority::SeedMessage seed_of(Said said) {
    authority::SeedMessage seed{.role = Role::user, .text = text_of(said.parts)};
    if (!said.answers.empty()) {
        seed.role = Role::tool;
        seed.answers = std::move(said.answers);
    } else if (said.speaker == Speaker::assistant) {
        seed.role = Role::assistant;
        seed.calls = std::move(said.calls);
    }
    if (has_image(said)) {
        seed.parts = std::move(said.parts);
    }
    return seed;
}

/// Where the authority takes no functions, images stand in the last message only: what comes before
/// is told as text.
Accepted<void> arrange(std::vector<Said> conversation, bool tools, CompletionsRequest& out) {
    const bool answered = !conversation.empty() && !conversation.back().answers.empty();
    const bool ask = !conversation.empty() && conversation.back().speaker != Speaker::assistant;
    if (ask && !answered) {
        out.input = std::move(conversation.back().parts);
        conversation.pop_back();
    } else if (!answered) {
        out.input.emplace_back(InputText{std::string(k_continue)});
    }
    for (auto& said : conversation) {
        if (!tools && has_image(said)) {
            return std::unexpected(bad_param(
                "unsupported_value",
                said.path + ".content",
                "images are taken in the last message only"
            ));
        }
        auto seed = seed_of(std::move(said));
        const bool says = !seed.text.empty() || !seed.parts.empty() || !seed.calls.empty();
        if (says || seed.role == Role::tool) {
            out.seed.push_back(std::move(seed));
        }
    }
    return {};
}

} // namespace

Accepted<void> read_completions_messages(
    const Json& body, const CompletionsContext& context, CompletionsRequest& out
) {
    const auto* messages = given(body, "messages");
    if (messages == nullptr) {
        return std::unexpected(
            bad_param("missing_required_parameter", "messages", "'messages' must be given")
        );
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
    std::vector<Said> conversation;
    for (std::size_t i = 0; i < messages->size(); ++i) {
        auto said = read_message((*messages)[i], i, context);
        if (!said) {
            return std::unexpected(std::move(said).error());
        }
        if (said->speaker == Speaker::instructions) {
            out.instructions += out.instructions.empty() ? "" : "\n\n";
            out.instructions += text_of(said->parts);
        } else {
            conversation.push_back(*std::move(said));
        }
    }
    if (auto fits = check_calls(conversation); !fits) {
        return fits;
    }
    return arrange(std::move(conversation), context.tools, out);
}

} // namespace oa_stream::lane
