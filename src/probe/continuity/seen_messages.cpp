#include "oa_stream/probe/seen_messages.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace oa_stream::probe {
namespace {

bool is_text_part(const Json& part) {
    return text_view_in(part, "type") == "text";
}

/// Other makes list it as parts, too, and not all of these are known.
std::optional<std::string> content_of(const Json& message, std::string_view role) {
    const Json* content = given(message, "content");
    if (content == nullptr) {
        return std::nullopt;
    }
    if (content->is_string()) {
        return content->get<std::string>();
    }
    const bool known =
        content->is_array() && (content->empty() || std::ranges::any_of(*content, is_text_part));
    return known ? std::optional(wire::ui::text_in_parts(*content, role)) : std::nullopt;
}

/// Records that the call exists, and whether its input and its output or error are shown; their
/// content and the state may differ between revisions.
void add_tool(SeenParts& out, const Json& part, std::string_view name) {
    const std::string call = text_in(part, "toolCallId");
    out.others.push_back(fmt::format("tool {} {}", name, call));
    if (given(part, "input") != nullptr) {
        out.others.push_back("input of " + call);
    }
    if (given(part, "output") != nullptr || given(part, "errorText") != nullptr) {
        out.others.push_back("result of " + call);
    }
}

std::optional<SeenParts> parts_of_message(const Json& message, std::string_view role) {
    const Json* listed = given(message, "parts");
    if (listed == nullptr) {
        return std::nullopt;
    }
    const Json& parts = list_in(message, "parts");
    SeenParts out{.text = wire::ui::text_in_parts(parts, role)};
    out.blank = listed->is_array() && out.text.empty() && std::ranges::all_of(parts, is_text_part);
    for (const Json& part : parts) {
        if (text_view_in(part, "type") == "file") {
            out.others.push_back("file " + text_in(part, "mediaType"));
        } else if (const auto tool = wire::ui::tool_name_in(part)) {
            add_tool(out, part, *tool);
        }
    }
    return out;
}

std::string shown_text(const SeenMessage& message) {
    return message.content ? *message.content : message.parts.value_or(SeenParts{}).text;
}

/// Completes a sentence about the message; "" when `seen` is the expected one.
std::string difference_of(const SeenMessage& expected, const SeenMessage& seen) {
    const bool both = expected.content && seen.content;
    if (expected.role != seen.role || (both && *expected.content != *seen.content)) {
        return "is another one";
    }
    if (!expected.parts || !seen.parts) {
        return both || shown_text(expected) == shown_text(seen) ? "" : "is another one";
    }
    if (expected.parts->text != seen.parts->text) {
        return "shows another text in its parts";
    }
    const auto* lost = find_if_or_null(expected.parts->others, [&](const std::string& other) {
        return !contains(seen.parts->others, other);
    });
    constexpr std::size_t k_shown = 80;
    return lost == nullptr ? "" : fmt::format("lacks {} in its parts", printable(*lost, k_shown));
}

/// A page shows it as an empty message.
bool is_blank(const SeenMessage& message) {
    return message.parts && message.parts->blank && !message.content.value_or("").empty();
}

std::string blank_text(const std::vector<SeenMessage>& seen, std::size_t from) {
    for (std::size_t i = from; i < seen.size(); ++i) {
        if (is_blank(seen[i])) {
            return fmt::format("message {} shows nothing of its content in its parts", i + 1);
        }
    }
    return {};
}

bool is_of_user(const SeenMessage& message) {
    return message.role == "user";
}

/// `one_user`: a user sent one message, so a second message with its text is the same one.
/// `one_turn`: there is no user's message in between, so an identical answer is the same one, too.
bool is_again(const SeenMessage& first, const SeenMessage& later, bool one_user, bool one_turn) {
    const bool same_id = !first.id.empty() && first.id == later.id;
    const bool answers = one_turn && first.role == "assistant" && !shown_text(first).empty() &&
                         difference_of(later, first).empty();
    const bool both_users = is_of_user(first) && is_of_user(later);
    return ((same_id || answers) && difference_of(first, later).empty()) ||
           (one_user && both_users && shown_text(first) == shown_text(later));
}

/// The first message that is listed twice, in one clause.
std::string listed_twice(const std::vector<SeenMessage>& seen, bool one_user) {
    std::size_t turn = 0; // index where the newest turn begins
    for (std::size_t later = 1; later < seen.size(); ++later) {
        turn = is_of_user(seen[later]) ? later : turn;
        for (std::size_t i = 0; i < later; ++i) {
            if (is_again(seen[i], seen[later], one_user, i >= turn)) {
                return fmt::format("message {} is message {} again", later + 1, i + 1);
            }
        }
    }
    return {};
}

/// Checks the messages after the first `before` ones.
std::string
wrong_behind(const std::vector<SeenMessage>& seen, std::size_t before, std::size_t sent) {
    const auto users =
        static_cast<std::size_t>(std::ranges::count_if(seen | std::views::drop(before), is_of_user)
        );
    if (users > sent) {
        return fmt::format(
            "it has {} of a user than were sent", counted(users - sent, "more message")
        );
    }
    const std::string twice = listed_twice(seen, false);
    return twice.empty() ? blank_text(seen, before) : twice;
}

/// The same ids in another order: turns with the same text differ in nothing else.
bool in_other_order(
    const std::vector<SeenMessage>& expected, const std::vector<SeenMessage>& seen
) {
    const auto ids = mapped(expected, &SeenMessage::id);
    auto there = mapped(seen, &SeenMessage::id);
    there.resize(ids.size());
    return ids != there && std::ranges::is_permutation(ids, there);
}

} // namespace

std::optional<std::vector<SeenMessage>> messages_of(std::string_view body) {
    const auto json = parse_json(body);
    const Json* data = json ? member(*json, "data") : nullptr;
    if (data == nullptr || !data->is_array()) {
        return std::nullopt;
    }
    return mapped(*data, [](const Json& message) {
        const std::string role = text_in(message, "role");
        return SeenMessage{
            role, content_of(message, role), text_in(message, "id"), parts_of_message(message, role)
        };
    });
}

bool drop_blank_parts(std::vector<SeenMessage>& messages) {
    bool any = false;
    for (SeenMessage& message : messages) {
        if (is_blank(message)) {
            message.parts.reset();
            any = true;
        }
    }
    return any;
}

std::string wrong_with_list(
    const std::vector<SeenMessage>& expected, const std::vector<SeenMessage>& seen, std::size_t sent
) {
    const std::size_t before = expected.size();
    for (std::size_t i = 0; i < before; ++i) {
        if (i == seen.size()) {
            return fmt::format("{} of {} messages are missing", before - i, before);
        }
        if (const auto differs = difference_of(expected[i], seen[i]); !differs.empty()) {
            return fmt::format("message {} of {} {}", i + 1, before, differs);
        }
    }
    if (in_other_order(expected, seen)) {
        return "its messages are in another order";
    }
    return wrong_behind(seen, before, sent);
}

std::string wrong_with_first_turn(const std::vector<SeenMessage>& seen) {
    const std::string twice = listed_twice(seen, true);
    return twice.empty() ? blank_text(seen, 0) : twice;
}

} // namespace oa_stream::probe
