// The messages that a target lists for a conversation, and the comparison of two lists.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// The visible content of a message's `parts`, without what may still change.
struct SeenParts {
    std::string text{}; ///< text of its text parts
    /// "tool search call_1", "input of call_1", "result of call_1", "file image/png"
    std::vector<std::string> others{};
    bool blank = false; ///< there is only empty text; parts of other types may be visible
};

/// One message as listed by `GET /api/chats/{id}/messages`; two revisions that share their threads
/// list the same ones. Older revisions, and other products, may omit everything but the role.
struct SeenMessage {
    std::string role{};
    std::optional<std::string> content{}; ///< nullopt also for an unknown form
    std::string id{};
    std::optional<SeenParts> parts{};
};

/// The messages of a page of that route; nullopt when it is not such a page.
[[nodiscard]] std::optional<std::vector<SeenMessage>> messages_of(std::string_view body);

/// Drops blank parts beside non-empty content: a page shows nothing for such a message. True when
/// there was one.
bool drop_blank_parts(std::vector<SeenMessage>& messages);

/// The fault in `seen` compared with the earlier list `expected`, in one clause; "" when there is
/// none. Only compares what both list. `sent`: number of users' messages sent since, which may
/// follow the others; answers may be listed later than their messages, and in rows.
[[nodiscard]] std::string wrong_with_list(
    const std::vector<SeenMessage>& expected,
    const std::vector<SeenMessage>& seen,
    std::size_t sent = 0
);
/// The fault in the list of a conversation to which a user sent one message.
[[nodiscard]] std::string wrong_with_first_turn(const std::vector<SeenMessage>& seen);

} // namespace oa_stream::probe
