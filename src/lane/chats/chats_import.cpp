#include "chats_import.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "chat_title.hpp"
#include "message_parts.hpp"
#include "projection.hpp"
#include "thread_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 3> k_roles{"user", "assistant", "system"};

bool is_message(const Json& value) {
    const auto* parts = member(value, "parts");
    const bool parted =
        parts != nullptr && parts->is_array() &&
        std::ranges::all_of(*parts, [](const Json& one) { return one.is_object(); });
    return parted && contains(k_roles, text_view_in(value, "role"));
}

Accepted<void> check_messages(const Json* messages, std::size_t most) {
    if (messages == nullptr || !messages->is_array() || messages->size() > most) {
        return invalid_field(
            "messages", fmt::format("messages must be an array of at most {} messages", most)
        );
    }
    const auto wrong = std::ranges::find_if_not(*messages, is_message);
    if (wrong == messages->end()) {
        return {};
    }
    auto place = fmt::format("messages[{}]", wrong - messages->begin());
    auto why = place + " must have a role (user, assistant, system) and an array of parts";
    return invalid_field(std::move(place), std::move(why));
}

/// The title that lists show for a conversation without a name.
std::string first_question(const Json& messages) {
    const auto asked = std::ranges::find_if(messages, [](const Json& message) {
        return text_view_in(message, "role") == "user";
    });
    return asked == messages.end() ? std::string()
                                   : short_title(joined_text(read_pieces(*asked, "messages")));
}

} // namespace

bool is_export(const Json& body) {
    return member(body, "format") != nullptr;
}

Accepted<ImportedChat> read_export(const Json& file, const ImportContext& context) {
    if (text_view_in(file, "format") != k_export_format) {
        auto why = fmt::format("format must be {}: send a file of GET …/export", k_export_format);
        return invalid_field("format", std::move(why));
    }
    const auto* conversation = member(file, "conversation");
    if (conversation == nullptr || !conversation->is_object()) {
        return invalid_field("conversation", "conversation must be an object");
    }
    const auto* messages = member(file, "messages");
    OA_CHECK(check_messages(messages, context.messages));
    OA_TRY(auto id, read_thread_name(*conversation, std::nullopt, {}));
    OA_TRY(auto title, read_title(*conversation));
    ImportedChat chat{.id = std::move(id), .title = std::move(title)};
    if (chat.title.empty()) {
        chat.title = first_question(*messages);
    }
    chat.archived = bool_member(*conversation, "archived").value_or(false);
    chat.count = messages->size();
    chat.seed = read_seed(file, messages->size(), context.seed);
    for (std::size_t i = 0; i < messages->size(); ++i) {
        // Threads of the lane have no system messages
        if (text_view_in((*messages)[i], "role") == "system") {
            chat.seed.partly.push_back(fmt::format("messages[{}]", i));
        }
    }
    return chat;
}

} // namespace oa_stream::lane
