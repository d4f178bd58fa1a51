// Regenerate and edit: decides which turn of the thread a request replaces.
#pragma once

#include "chats/chat_request.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

struct ReplacePlan {
    enum class Kind {
        append, ///< replaces nothing: a plain next turn
        revert, ///< drop `from_turn` and everything after it
        /// The replaced message was seeded and is not a turn: begin a new thread from the request
        reseed,
    } kind = Kind::append;
    std::string from_turn{}; ///< the authority's turn id
};

/// The request refers to an earlier message, so the thread's turns must be read.
[[nodiscard]] bool asks_to_replace(const ChatRequest& request) noexcept;

/// The turn's question has the same texts as the request's newest message, including files that the
/// model gets as text.
[[nodiscard]] bool says_the_same(const ChatRequest& request, const authority::PastTurn& turn);

/// The request names one of `turns`: older turns cannot matter.
[[nodiscard]] bool
names_turn(const ChatRequest& request, const std::vector<authority::PastTurn>& turns);

/// An earlier message of the user's that has an id of its own, by which it can be found.
[[nodiscard]] bool may_be_unsent(const ChatRequest& request, const EarlierMessage& message);

/// How many of the user's messages stand right before the newest one and are in no turn: their
/// requests were refused, as while another page's turn ran, and the user typed on. None where that
/// is not sure. `turns`: the newest ones, newest first.
[[nodiscard]] std::size_t count_unsent(
    const ChatRequest& request,
    const std::vector<authority::PastTurn>& turns,
    const SeededMessages& seeded
);

/// `turns`: the thread's, oldest first; either all of them, or the newest ones including the named
/// one. The replaced turn is found by its id (regenerate), by the client's id of its message, or by
/// position: the turn after the last assistant message that the page still holds. A request that
/// leaves doubt is refused (422 regenerate_unsupported): a guess could delete the wrong turns.
[[nodiscard]] Accepted<ReplacePlan> plan_replace(
    const ChatRequest& request,
    const std::vector<authority::PastTurn>& turns,
    const SeededMessages& seeded
);

/// For a request without messages: takes the user's message of the turn that it names, or else of
/// the newest turn. If the request has results, that turn must have begun with them.
[[nodiscard]] Accepted<void>
take_question(ChatRequest& request, const std::vector<authority::PastTurn>& turns);

[[nodiscard]] Rejection reject_regenerate(std::string message);
[[nodiscard]] Rejection reject_kept_question();

} // namespace oa_stream::lane
