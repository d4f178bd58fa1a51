// The members of a chat request that are looked for, and those that nobody here reads.
#include "chats/chat_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

/// What the lane itself puts into the metadata of messages that it lists and streams.
constexpr std::array<std::string_view, 8> k_own_metadata{
    "threadId", "turnId", "status", "model", "finishReason", "usage", "ignored", "notice"
};

// Of the body, as many as k_body_names; of a message, of its parts, of an approval.
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
        return std::ranges::find(k_own_metadata, entry.key()) == k_own_metadata.end() &&
               is_page_metadata(entry.value());
    });
}

std::string metadata_name(const Json& body, const ChatRequest& request) {
    const auto* messages = request.whole_list ? member(body, "messages") : nullptr;
    const auto* message =
        messages == nullptr ? member(body, "message") : &messages->at(request.newest);
    const auto* metadata = message == nullptr ? nullptr : member(*message, "metadata");
    if (metadata == nullptr || !is_page_metadata(*metadata)) {
        return {};
    }
    return messages == nullptr ? "message.metadata"
                               : fmt::format("messages[{}].metadata", request.newest);
}

} // namespace oa_stream::lane
