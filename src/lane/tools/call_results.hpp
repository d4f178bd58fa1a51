// Results of a page's own functions: as stock clients send them, and as a stored turn has them.
//
// While a turn waits, Codex gets them as what they are. A turn that was stopped before (the lane
// was restarted, or nobody answered in time) cannot take them any more: they then begin the next
// turn as its input, in a text of ours that the list of messages is made from again.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "gates/rejection.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// An assistant's message has tool parts in a final state that the page ran itself.
[[nodiscard]] bool has_call_results(const Json& message);
/// … and such parts without a result.
[[nodiscard]] bool has_open_calls(const Json& message);
/// Those of messages[at], else of `message`; each call once, the last one counts.
[[nodiscard]] std::vector<authority::CallResult>
read_call_results(const Json& body, std::optional<std::size_t> at);

/// All that a lane has to know of a result that it takes no more: whether it comes again as it was.
struct ResultDigest {
    std::string call; ///< see digest_of_call()
    std::string digest;
};
/// Of a fixed length: a page's ids may be long.
[[nodiscard]] std::string digest_of_call(std::string_view call);
[[nodiscard]] ResultDigest digest_of_result(const authority::CallResult& result);

/// Codes unknown_tool_call (422), already_answered and tool_call_over (409).
[[nodiscard]] Rejection reject_unknown_call(std::string_view call);
[[nodiscard]] Rejection reject_answered_call(std::string_view call);
[[nodiscard]] Rejection reject_call_over(std::string_view call);

/// Id of the user message that holds results, where the page's message has none of ours.
inline constexpr std::string_view k_results_id = "oa-tool-results";
/// … and where that has one: what follows goes on with it, told by whichever lane.
[[nodiscard]] std::string results_id(std::string_view message);

/// Calls of a stopped turn that have no result.
[[nodiscard]] std::vector<turn::ClientCall> open_calls(const authority::PastTurn& turn);
/// The input of the turn that goes on with them. 422 tool_result_missing when a call has no result:
/// there is nothing that could wait for it.
[[nodiscard]] Accepted<std::string>
results_text(const authority::PastTurn& stopped, const std::vector<authority::CallResult>& results);
/// What a page sends with its next message instead: that message begins with the results of those
/// calls that have one. Empty: none has.
[[nodiscard]] std::string results_ahead(
    const authority::PastTurn& stopped, const std::vector<authority::CallResult>& results
);
/// Id of such a message, whose own is `id`.
[[nodiscard]] std::string results_ahead_id(std::string_view id);
/// Takes the results off a message that began with them.
void drop_results_ahead(authority::PastTurn& turn);
/// `turn` began with such a text, which was all.
[[nodiscard]] bool holds_results(const authority::PastTurn& turn);
/// The page's message that such a turn goes on with; empty: not known, or another turn.
[[nodiscard]] std::string message_gone_on_with(const authority::PastTurn& turn);
/// The results that a turn began with; those ahead of a message are there until
/// drop_results_ahead().
[[nodiscard]] std::vector<authority::CallResult> results_begun_with(const authority::PastTurn& turn
);
/// Gives the calls of `stopped` the results that the turn after it began with.
void settle_calls(authority::PastTurn& stopped, const authority::PastTurn& next);

} // namespace oa_stream::lane
