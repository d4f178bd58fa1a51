// Regenerate and edit: which turn of the thread the request wants to have replaced.
#pragma once

#include "chats/chat_request.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

struct ReplacePlan {
    enum class Kind {
        append, ///< nothing to replace: a plain next turn
        revert, ///< drop `from_turn` and everything after it
        reseed, ///< the replaced message was seeded, not a turn: begin a new thread from the
                ///< request
    } kind = Kind::append;
    std::string from_turn{}; ///< the authority's turn id
};

/// True when the request means an earlier message, so that the thread's turns must be read.
[[nodiscard]] bool asks_to_replace(const ChatRequest& request) noexcept;

/// The turn's question has the texts of the request's newest message, files that are told as text
/// included.
[[nodiscard]] bool says_the_same(const ChatRequest& request, const authority::PastTurn& turn);

/// True when one of `turns` is named by the request, so that no older one can matter.
[[nodiscard]] bool
names_turn(const ChatRequest& request, const std::vector<authority::PastTurn>& turns);

/// `turns`: the thread's, oldest first; all of them, or the newest ones with the one named. A turn
/// is found by its id (regenerate), by the id the client gave its message, or by position: it is
/// the one after the last assistant message that the page still holds. A page that says too little
/// to be sure is refused (422 regenerate_unsupported): guessing would lose turns.
[[nodiscard]] Accepted<ReplacePlan> plan_replace(
    const ChatRequest& request,
    const std::vector<authority::PastTurn>& turns,
    const SeededMessages& seeded
);

/// Of a request without messages: takes the user's message of the turn that it names, else of the
/// newest one. Of one whose last message has results: those that this turn began with.
[[nodiscard]] Accepted<void>
take_question(ChatRequest& request, const std::vector<authority::PastTurn>& turns);

[[nodiscard]] Rejection reject_regenerate(std::string message);
[[nodiscard]] Rejection reject_kept_question();

} // namespace oa_stream::lane
