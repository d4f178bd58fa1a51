// The messages of a conversation as its target lists them, and whether they are still the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// One message as `GET /api/chats/{id}/messages` shows it; two revisions that share their threads
/// show the same ones.
struct SeenMessage {
    std::string role{};
    std::string content{};
    friend bool operator==(const SeenMessage&, const SeenMessage&) = default;
};

/// The messages of a page of that route; nullopt when it is not one.
[[nodiscard]] std::optional<std::vector<SeenMessage>> messages_of(std::string_view body);
/// What is wrong with `seen` where `expected` must come first, in one clause; "" when nothing is.
[[nodiscard]] std::string
missing_messages(const std::vector<SeenMessage>& expected, const std::vector<SeenMessage>& seen);

} // namespace oa_stream::probe
