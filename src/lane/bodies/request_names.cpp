// The members of a chat request that the lane reads, and those that it ignores.
#include "oa_stream/base/lists.hpp"

#include "chats/chat_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// The metadata that the lane itself adds to messages in lists and streams.
constexpr std::array<std::string_view, 8> k_own_metadata{
    "threadId", "turnId", "status", "model", "finishReason", "usage", "ignored", "notice"
};

/// The members of a message that are read.
constexpr std::array<std::string_view, 7> k_read_of_message{
    "id", "role", "content", "parts", "text", "message", "experimental_attachments"
};
/// Place and time of a message, as in the lane's lists, and members that libraries add for the
/// page.
constexpr std::array<std::string_view, 7> k_message_of_page{
    "createdAt", "updatedAt", "runId", "autopilotId", "parentId", "revisionId", "unstable_id"
};

// The first k_body_names are members of the body; the others belong to a message, its parts or an
// approval.
constexpr std::size_t k_body_names = 12;
constexpr std::array<std::string_view, 35> k_names{
    "thread_id",
    "threadId",
    "conversation_id",
    "conversationId",
    "id",
    "worker_id",
    "workerId",
    "trigger",
    "messageId",
    "messages",
    "text",
    "message",
    "role",
    "content",
    "parts",
    "experimental_attachments",
    "type",
    "value",
    "url",
    "image",
    "image_url",
    "data",
    "file",
    "mediaType",
    "mimeType",
    "contentType",
    "state",
    "approval",
    "approved",
    "reason",
    "filename",
    "name",
    "toolCallId",
    "providerExecuted",
    "metadata",
};

/// For a member of a message.
bool is_unread(std::string_view name) {
    return !contains(k_read_of_message, name) && !contains(k_message_of_page, name);
}

} // namespace

std::span<const std::string_view> chat_request_names() noexcept {
    return k_names;
}

std::span<const std::string_view> chat_body_names() noexcept {
    return std::span(k_names).first(k_body_names);
}

bool is_page_metadata(const Json& value) {
    if (!value.is_object()) {
        return !value.is_null();
    }
    return std::ranges::any_of(value.items(), [](const auto& entry) {
        return !contains(k_own_metadata, entry.key()) && is_page_metadata(entry.value());
    });
}

bool has_more(const Json& message) {
    return std::ranges::any_of(message.items(), [](const auto& entry) {
        return entry.key() == "metadata" ? !entry.value().is_null() : is_unread(entry.key());
    });
}

std::vector<std::string> unused_members(const Json& body, const ChatRequest& request) {
    const auto* messages = request.whole_list ? member(body, "messages") : nullptr;
    const auto* message =
        messages == nullptr ? member(body, "message") : &messages->at(request.newest);
    std::vector<std::string> names;
    if (message == nullptr || !message->is_object()) {
        return names;
    }
    const auto path = messages == nullptr ? "message" : fmt::format("messages[{}]", request.newest);
    for (const auto& [name, value] : message->items()) {
        const bool says = name == "metadata" ? is_page_metadata(value)
                                             : is_unread(name) && !is_blank_member(&value);
        if (says) {
            names.push_back(fmt::format("{}.{}", path, name));
        }
    }
    return names;
}

} // namespace oa_stream::lane
