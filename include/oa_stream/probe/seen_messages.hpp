// The messages of a conversation as its target lists them, and whether they are still the same.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// What a page draws of a message's `parts`, without what may still change.
struct SeenParts {
    std::string text{}; ///< of its text parts
    /// "tool search call_1", "input of call_1", "result of call_1", "file image/png"
    std::vector<std::string> others{};
    bool blank = false; ///< there is nothing but empty text; parts of other types may be drawn
};

/// One message as `GET /api/chats/{id}/messages` shows it; two revisions that share their threads
/// show the same ones. Older ones, and other products, may leave out all but the role.
struct SeenMessage {
    std::string role{};
    std::optional<std::string> content{}; ///< nullopt also for a form that is not known
    std::string id{};
    std::optional<SeenParts> parts{};
};

/// The messages of a page of that route; nullopt when it is not one.
[[nodiscard]] std::optional<std::vector<SeenMessage>> messages_of(std::string_view body);

/// Drops blank parts beside a content that says something: a page draws nothing of such
/// a message. True when there was one.
bool drop_blank_parts(std::vector<SeenMessage>& messages);

/// What is wrong with `seen` where `expected` was listed before, in one clause; "" when nothing is.
/// Only what both list is compared. `sent`: so many messages of users were sent since, which may
/// stand behind the others; answers may be listed later than what they answer, and in rows.
[[nodiscard]] std::string wrong_with_list(
    const std::vector<SeenMessage>& expected,
    const std::vector<SeenMessage>& seen,
    std::size_t sent = 0
);
/// What is wrong with the list of a conversation to which a user sent one message.
[[nodiscard]] std::string wrong_with_first_turn(const std::vector<SeenMessage>& seen);

} // namespace oa_stream::probe
