#include "oa_stream/probe/seen_messages.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {
namespace {

std::optional<std::string> content_text(const Json& message) {
    const Json* content = given(message, "content");
    if (content == nullptr) {
        return std::nullopt;
    }
    return content->is_string() ? content->get<std::string>() : dump_json(*content);
}

/// Its state, and what a tool was given or answered in each word, may differ between revisions.
void add_tool(SeenParts& out, const Json& part, std::string_view name) {
    const std::string call = text_in(part, "toolCallId");
    out.others.push_back(fmt::format("tool {} {}", name, call));
    for (const std::string_view shown : {"input", "output", "errorText"}) {
        if (given(part, shown) != nullptr) {
            out.others.push_back(fmt::format("{} of {}", shown, call));
        }
    }
}

std::optional<SeenParts> parts_of_message(const Json& message, std::string_view role) {
    if (given(message, "parts") == nullptr) {
        return std::nullopt;
    }
    constexpr std::string_view k_tool = "tool-";
    SeenParts out;
    for (const Json& part : list_in(message, "parts")) {
        const std::string_view type = text_view_in(part, "type");
        if (type == "text") { // a user's are lines of their own, as in `content`
            out.text += role == "user" && !out.text.empty() ? "\n" : "";
            out.text += text_view_in(part, "text");
        } else if (type == "file") {
            out.others.push_back("file " + text_in(part, "mediaType"));
        } else if (type == "dynamic-tool") {
            add_tool(out, part, text_view_in(part, "toolName"));
        } else if (type.starts_with(k_tool)) {
            add_tool(out, part, type.substr(k_tool.size()));
        }
    }
    return out;
}

std::string shown_text(const SeenMessage& message) {
    return message.content ? *message.content : message.parts.value_or(SeenParts{}).text;
}

/// As the end of a sentence about the message; "" when `seen` is the one that was expected.
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

/// A page draws it as an empty message.
bool is_blank(const SeenMessage& message) {
    return message.parts && message.parts->text.empty() && message.parts->others.empty() &&
           !message.content.value_or("").empty();
}

std::string blank_text(const std::vector<SeenMessage>& seen, std::size_t from) {
    for (std::size_t i = from; i < seen.size(); ++i) {
        if (is_blank(seen[i])) {
            return fmt::format("message {} shows nothing of its content in its parts", i + 1);
        }
    }
    return {};
}

/// The first message that is listed twice, in one clause.
template <class Same> std::string listed_twice(const std::vector<SeenMessage>& seen, Same same) {
    for (std::size_t later = 1; later < seen.size(); ++later) {
        for (std::size_t i = 0; i < later; ++i) {
            if (same(seen[i], seen[later])) {
                return fmt::format("message {} is message {} again", later + 1, i + 1);
            }
        }
    }
    return {};
}

bool is_again(const SeenMessage& first, const SeenMessage& later) {
    return !first.id.empty() && first.id == later.id && difference_of(first, later).empty();
}

/// The same ids at other places: turns of one text differ in nothing else.
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
            role, content_text(message), text_in(message, "id"), parts_of_message(message, role)
        };
    });
}

std::string wrong_with_list(
    const std::vector<SeenMessage>& expected, const std::vector<SeenMessage>& seen, std::size_t said
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
    const std::size_t more = seen.size() - before;
    // An answer may be listed later than what it answers.
    const bool waits = !expected.empty() && expected.back().role == "user";
    if (more > 0 && said == 0 && !waits) {
        return fmt::format("it has {} than expected", counted(more, "more message"));
    }
    const auto users = static_cast<std::size_t>(std::count_if(
        seen.begin() + static_cast<std::ptrdiff_t>(before),
        seen.end(),
        [](const SeenMessage& message) { return message.role == "user"; }
    ));
    if (users > said) {
        return fmt::format(
            "it has {} of a user than were sent", counted(users - said, "more message")
        );
    }
    const std::string twice = listed_twice(seen, is_again);
    return twice.empty() ? blank_text(seen, before) : twice;
}

std::string wrong_with_first_turn(const std::vector<SeenMessage>& seen) {
    const auto same = [](const SeenMessage& first, const SeenMessage& later) {
        const bool of_user = first.role == "user" && later.role == "user";
        return is_again(first, later) || (of_user && shown_text(first) == shown_text(later));
    };
    const std::string twice = listed_twice(seen, same);
    return twice.empty() ? blank_text(seen, 0) : twice;
}

} // namespace oa_stream::probe
